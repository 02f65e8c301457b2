"""A program that misbehaves in a way of choice; every kind but the bad ends logs two epochs first."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

kind = sys.argv[1]
metrics = os.environ["HPCSWEEP_METRICS"]
beside = Path(__file__).with_name("left")


def log(**row: float) -> None:
    """Write a line of metrics."""
    with open(metrics, "a") as file:
        file.write(json.dumps(row) + "\n")


def write(text: str) -> None:
    """Write into the metrics file as it is."""
    with open(metrics, "a") as file:
        file.write(text)


print(f"this is {kind}", flush=True)
log(epoch=1, loss=0.5, left=float(beside.exists()))
beside.touch()

if kind == "exit-3":
    sys.exit(3)
elif kind == "raises":
    raise ValueError("bad luck")
elif kind == "not-utf-8-error":
    os.write(2, b"\xff\xfe broken \x80\n")
    sys.exit(1)
elif kind.startswith("signal-"):
    os.kill(os.getpid(), getattr(signal, kind.removeprefix("signal-")))
elif kind == "kills-its-group":
    os.killpg(0, signal.SIGKILL)
elif kind == "kills-its-worker":
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
elif kind == "memory-error":
    raise MemoryError
elif kind == "reads-stdin":
    input("your name? ")
elif kind == "path-of-the-study":
    Path("jobs/data.txt").read_text()
elif kind == "half-a-line":
    write('{"epoch": 2, "lo')
    sys.exit(0)
elif kind == "no-object":
    write("loss 0.5\n")
    sys.exit(0)
elif kind == "epoch-and-a-half":
    write('{"epoch": 1.5, "loss": 1}\n')
    sys.exit(0)
elif kind == "text-as-a-metric":
    write('{"epoch": 2, "loss": "low"}\n')
    sys.exit(0)
elif kind == "half-a-line-and-exit-4":
    write('{"epoch": 2, "lo')
    sys.exit(4)
elif kind == "floods":
    for _ in range(300):
        os.write(1, (b"flood of words " * 70 + b"\n") * 1000)
    print("the end of the flood")
elif kind == "floods-one-line":
    for _ in range(300):
        os.write(1, b"x" * 1_000_000)
elif kind == "not-utf-8":
    os.write(1, bytes(range(256)) * 100)
elif kind == "closes-stdout":
    os.close(1)
    os.close(2)
    time.sleep(0.5)
elif kind == "leaves-a-child":
    subprocess.Popen(["sleep", "600"])
elif kind == "leaves-a-daemon":
    subprocess.Popen(["sleep", "601"], start_new_session=True)
elif kind == "removes-its-folder":
    import shutil

    shutil.rmtree(os.environ["HPCSWEEP_CHECKPOINT"])
    time.sleep(0.5)
elif kind == "removes-the-run's-folder":
    import shutil

    shutil.rmtree(os.environ["HPCSWEEP_FOLDER"])
    time.sleep(0.5)
elif kind == "checkpoint-is-a-file":
    os.rmdir(os.environ["HPCSWEEP_CHECKPOINT"])
    with open(os.environ["HPCSWEEP_CHECKPOINT"], "w") as file:
        file.write("my state")
    time.sleep(0.5)
elif kind == "out-of-order":
    log(epoch=3, loss=0.25)
    log(epoch=2, loss=0.3)
    time.sleep(0.5)
elif kind == "repeats":
    log(epoch=1, loss=0.4)
    log(epoch=1, loss=0.5)
elif kind == "writes-csv-anew":
    for epochs in range(1, 4):
        rows = "".join(f"{epoch},{epoch / 4}\n" for epoch in range(1, epochs + 1))
        Path("log.csv").write_text("epoch,score\n" + rows)
        time.sleep(0.3)
elif kind == "nan":
    write('{"epoch": 2, "score": NaN}\n')
elif kind == "infinity":
    write('{"epoch": 2, "score": -Infinity}\n')
elif kind == "many-lines":
    write("".join(json.dumps({"epoch": epoch, "loss": 0.5}) + "\n" for epoch in range(1, 50_000)))
elif kind == "carriage-returns":
    print("\r".join(f"{percent} %" for percent in range(100)))
elif kind == "unlinks-its-metrics":
    Path(metrics).unlink()
elif kind == "priority":
    os.nice(19)

if kind not in ("out-of-order", "many-lines", "repeats", "nan", "infinity"):
    log(epoch=2, loss=0.25)
