"""Train all examples in plain Keras, with `fit`, and with `fit` killed; print what came out, and keep it for docs/."""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.training.examples.catalogue import ALL, BY_NAME, Example
from tests.training.examples.runs import in_plain_keras, same, with_fit
from tests.training.kill_harness import in_child

RESULTS = Path(__file__).with_name("results.json")
"""What came out last, which the page of the examples in docs/ shows."""


def trained_in(folder: Path, example: Example) -> None:
    """Train in a child, going on from the checkpoint in `folder`, and leave the result there."""
    _, result = with_fit(example, folder=folder, checkpoint_every_s=0.0)
    (folder / "result.json").write_text(json.dumps(result))


def fact_of(example: Example, folder: Path, kills: int, chance: random.Random) -> dict[str, Any]:
    """Return the engine, whether the numbers are Keras's, and how many trainings differed after so many kills."""
    folder.mkdir()
    (whole := folder / "whole").mkdir()
    began = time.monotonic()
    in_child(lambda: trained_in(whole, example), None)
    whole_s = time.monotonic() - began
    in_child(partial(_write_facts, folder, example), None)
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    done = attempts = differ = 0
    while done < kills:
        attempts += 1
        (torn := folder / str(attempts)).mkdir()
        while not in_child(partial(trained_in, torn, example), chance.uniform(0, whole_s) if done < kills else None):
            done += 1
        differ += (torn / "result.json").read_text() != (whole / "result.json").read_text()
    return {**facts, "kills": done, "trainings": attempts, "differences": differ}


def _write_facts(folder: Path, example: Example) -> None:
    run, result = with_fit(example)
    expected = in_plain_keras(example)
    facts = {"engine": run.facts["engine"], "resume": run.facts["resume"], "equal": same(result, expected)}
    if not facts["equal"]:
        facts["equal_with_fit"] = same(with_fit(replace(example, engine="fit"))[1], expected)
    (folder / "facts.json").write_text(json.dumps(facts))


def main() -> None:
    """Read the arguments, train, print, and keep what came out for the page of the examples."""
    parser = argparse.ArgumentParser(prog="python -m tests.training.examples", description=__doc__)
    parser.add_argument("names", nargs="*", help="which; all if none is given")
    parser.add_argument("--kills", type=int, default=3, help="how often each is killed")
    given = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        for example in [BY_NAME[name] for name in given.names] or ALL:
            facts = fact_of(example, Path(name) / example.name, given.kills, chance)
            known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            RESULTS.write_text(json.dumps({**known, example.name: facts}, indent=1, sort_keys=True) + "\n")
            print(example.name, json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
