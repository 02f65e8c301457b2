"""Can a net learn a few examples by heart? A verdict for any sweep whose runs train on a small subset.

A net that cannot reach almost 100 % on 10 examples of each class has a fault: in the data, the loss or the learning
rate. To ask this of your own job, give it a parameter `examples_per_class: int = 0` and two lines, as in
jobs/what_it_learns.py:

    if examples_per_class:
        data = data.first_of_each_class(examples_per_class)

Type: hpcsweep run sweeps/study2_sanity_small.toml; python analysis/sanity_check.py sweeps/study2_sanity_small.toml
Exits with 0 if all finished runs pass, 1 if one fails, 3 if none is finished.
"""

import argparse
import sys

from hpcsweep import results

PASSED_FROM = 0.99


def verdicts(found, passed_from=PASSED_FROM):
    """Return one row per finished run: what varies, its best training accuracy, when it passed, the verdict and notes.

    A net whose weights explode is noted as such.
    """
    runs = found.runs[found.runs["state"].isin(["done", "diverged"])]
    if runs.empty:
        return runs
    if "accuracy" not in found.metrics:
        raise SystemExit(f"{found.title}: its job logs {', '.join(found.metrics)}; expected accuracy among them")
    history = found.history().astype({"id": str})
    reached = history[history["accuracy"] >= passed_from].groupby("id")["epoch"].min()
    table = runs[[*found.varying(), "seed", "max_accuracy"]].copy()
    table["passed_at_epoch"] = runs["id"].map(reached).astype("Int64")
    table["verdict"] = ["PASSED" if accuracy >= passed_from else "FAILED" for accuracy in runs["max_accuracy"]]
    table["notes"] = found.column("notes").reindex(runs.index).fillna("").to_numpy()
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweep", help="a sweep file whose runs train on a small subset")
    parser.add_argument("--store", help="the store of results [default: HPCSWEEP_STORE or results/]")
    parser.add_argument(
        "--accuracy",
        type=float,
        default=PASSED_FROM,
        help="the training accuracy that counts as passed [default: 0.99]",
    )
    options = parser.parse_args()
    rows = verdicts(results.load(options.sweep, store=options.store), options.accuracy)
    print(rows.to_string(index=False) if len(rows) else "no run is finished")
    sys.exit(3 if rows.empty else int((rows["verdict"] == "FAILED").any()))
