"""Depth, width or optimizer? The table of sweeps/quickstart.toml, also while it is half done."""

from pathlib import Path

from hpcsweep import results

SWEEP = Path(__file__).parents[1] / "sweeps" / "quickstart.toml"

runs = results.runs(SWEEP)
done = runs[runs["state"] == "done"]
print(f"{len(done)} of {len(runs)} runs done")
table = done.groupby(["layers", "neurons", "optimizer", "epochs"])["last_val_accuracy"].agg(["mean", "std", "count"])
print(table.round(3).to_string())
