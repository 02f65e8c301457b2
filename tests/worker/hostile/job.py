"""A job of many kinds: well-behaved ones, and each way in which the code of a job may harm its process."""

import argparse
import atexit
import ctypes
import locale
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
LEFT = "left behind"


def train(run, *, kind: str, turn: int = 0):
    """Note what the process is like, do what `kind` says, and end well if that lets it."""
    run.record(surroundings=surroundings(run))
    print("this is", kind, flush=True)
    returned = globals()["do_" + kind.replace("-", "_")](run)
    if not run.history["epoch"]:
        run.log(1, score=1.0)
    return returned or {"score": 1.0}


def surroundings(run):
    mask = os.umask(0)
    os.umask(mask)
    return {
        "in its folder": Path.cwd() == run.folder,
        "umask": mask,
        "environment": dict(os.environ),
        "import path": list(sys.path),
        "locale": locale.setlocale(locale.LC_ALL),
        "ignored": [number for number in (2, 10, 12, 14, 15) if signal.getsignal(number) is signal.SIG_IGN],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "threads": sum(thread.name == LEFT for thread in threading.enumerate()),
        "stdout": os.fstat(1).st_size >= 0 and sys.stdout is sys.__stdout__,
    }


class Unwelcome(BaseException):
    pass


class OddError(ValueError):
    def __str__(self):
        raise SystemExit(3)


def do_good(run):
    pass


def do_raises(run):
    raise ValueError("bad luck\nsecond line")


def do_exit_0_nothing_logged(run):
    sys.exit()


def do_exit_0_logged(run):
    run.log(1, score=1.0)
    sys.exit(0)


def do_exit_2(run):
    sys.exit(2)


def do_exit_text(run):
    sys.exit("usage: train")


def do_argparse(run):
    argparse.ArgumentParser().parse_args(["--no-such-option"])


def do_keyboard_interrupt(run):
    raise KeyboardInterrupt


def do_generator_exit(run):
    raise GeneratorExit


def do_base_exception(run):
    raise Unwelcome("all of it")


def do_os_exit_0(run):
    os._exit(0)


def do_os_exit_7(run):
    os._exit(7)


def do_abort(run):
    os.abort()


def do_segfault(run):
    ctypes.string_at(0)


def do_kill_9_itself(run):
    os.kill(os.getpid(), signal.SIGKILL)


def do_term_itself(run):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def do_stack_overflow(run):
    do_stack_overflow(run)


def do_memory_error(run):
    raise MemoryError


def do_unencodable(run):
    print("\udcff")
    raise ValueError("\udcff\x1b[31m")


def do_str_raises(run):
    raise OddError


def do_long_error(run):
    raise ValueError("x" * 50_000_000)


def do_returns_text(run):
    return "0.9"


def do_returns_words(run):
    return {"score": "good"}


def do_fork_without_exec(run):
    os.fork()


def do_fork_that_logs(run):
    if os.fork() == 0:
        run.log(1, score=0.0)
    else:
        os.wait()


def do_fork_that_stays(run):
    if os.fork() == 0:
        time.sleep(600)


def do_thread_that_stays(run):
    threading.Thread(target=time.sleep, args=(600,), name=LEFT, daemon=True).start()


def do_thread_that_exits_later(run):
    threading.Thread(target=lambda: (time.sleep(1.5), os._exit(9)), name=LEFT, daemon=True).start()


def do_process_that_stays(run):
    subprocess.Popen(["sleep", "600"], start_new_session=True)


def do_stdout_closed(run):
    sys.stdout.close()


def do_descriptors_closed(run):
    os.closerange(0, 3)


def do_all_descriptors_closed(run):
    os.closerange(0, 256)


def do_stdout_replaced(run):
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    os.dup2(sys.stdout.fileno(), 1)


def do_floods(run):
    for _ in range(300):
        os.write(1, (b"x" * 99 + b"\n") * 10_000)
    print("the end of the flood", flush=True)


def do_changes_folder(run):
    os.chdir("/")


def do_removes_its_folder(run):
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)


def do_umask(run):
    os.umask(0o777)


def do_environment(run):
    os.environ.clear()
    os.environ["HOSTILE"] = "yes"


def do_import_path(run):
    sys.path[:] = []


def do_locale(run):
    locale.setlocale(locale.LC_ALL, "C.UTF-8")


def do_signals_ignored(run):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


def do_signals_blocked(run):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR2])


def do_niceness(run):
    os.nice(5)


def do_alarm(run):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0.5)


def do_stubborn_generator(run):
    def endless():
        while True:
            try:
                yield
            except GeneratorExit:
                raise RuntimeError("no") from None

    next(endless())


def do_atexit(run):
    atexit.register(lambda: os._exit(5))


def do_excepthook(run):
    sys.excepthook = lambda *_: os._exit(6)
