"""What the recipes share: the sweep and store they read, and where their tables and figures go."""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # figures go to files, so no display is needed

from hpcsweep import results
from hpcsweep.data.catalogue import CATALOGUE
from hpcsweep.data.used import TRAINED_ON
from hpcsweep.tables import render, table

ROOT = Path(__file__).resolve().parent.parent
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#000000",
)  # can be told apart by the colour-blind too
mpl.rcParams.update(
    {
        "axes.prop_cycle": mpl.cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.dpi": 130,
        "figure.constrained_layout.use": True,
        "legend.frameon": False,
    }
)


class Recipe:
    """One study's tables and figures, from whatever runs are finished."""

    def __init__(self, name, description):
        """Read the command line: --small for the bundled data, --store, --out."""
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--small", action="store_true", help="the small variant, on bundled data")
        parser.add_argument("--store", help="the store of results [default: HPCSWEEP_STORE or results/]")
        parser.add_argument("--out", type=Path, help="folder for the tables and figures [default: reports/...]")
        options = parser.parse_args()
        self.small = options.small
        self.suffix = "_small" if options.small else ""
        self.store = options.store
        self.out = options.out or ROOT / "reports" / (name + self.suffix)
        self.out.mkdir(parents=True, exist_ok=True)
        self.text = self.out / "report.txt"
        self.text.write_text("")
        self.say(description.splitlines()[0])

    def say(self, *lines):
        """Print lines and keep them in the report."""
        print(*lines, sep="\n")
        with self.text.open("a") as file:
            file.write("\n".join(map(str, lines)) + "\n")

    def sweep(self, name):
        """Return the path of a sweep of this study, in its small variant if that is asked for."""
        return ROOT / "sweeps" / f"{name}{self.suffix}.toml"

    def load(self, name):
        """Return the results of a sweep, and print how many of its runs are finished."""
        found = results.load(self.sweep(name), store=self.store)
        self.say("", f"== {found.title}: {finished(found.runs).shape[0]} of {len(found.runs)} runs finished")
        return found

    def table(self, found, **layout):
        """Print a comparison table and keep it, with the data of its runs; if no run is finished, say so."""
        self.say(data_of(found))
        if len(finished(found.runs)):
            self.say("", render(table(found, **layout), width=140))
        else:
            self.say(f"No run is finished yet, so there is no table; type: {found.to_type('run')}")

    def lacks(self, what, why):
        """Say what of the study could not be drawn or told, and why."""
        self.say(f"Left out: {what}: {why}.")

    def save(self, figure, name):
        """Write a figure as PNG and close it."""
        import matplotlib.pyplot as plt

        path = self.out / f"{name}.png"
        figure.savefig(path)
        plt.close(figure)
        self.say(f"figure: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def data_of(found):
    """Say which data the finished runs were trained on, as they recorded it, and how many examples that was."""
    done = finished(found.runs)
    one_each = done.drop_duplicates("data_sha256")["id"] if len(done) else ()
    used = {name: entry["examples"] for run in one_each for name, entry in found.facts(run).get("data", {}).items()}
    counts = {name: f"{one['x']:,} to train, {one['x_val']:,} to test" for name, one in used.items()}
    part = f"; of these some or all runs used {counts.pop(TRAINED_ON)}" if TRAINED_ON in counts else ""
    titles = {name: CATALOGUE[name].title.partition(":")[0] if name in CATALOGUE else name for name in counts}
    said = " and ".join(f"{titles[name]} ({count})" for name, count in counts.items())
    return f"Data: {said or 'what no finished run tells'}{part}."


def finished(runs):
    """Return the runs that have a result: done or diverged."""
    return runs[runs["state"].isin(["done", "diverged"])]


def histories(found):
    """Return the epochs of all finished runs with each run's parameters beside them."""
    columns = ["id", "seed", *found.parameters, "state"]
    history = found.history().astype({"id": str})
    return history.merge(finished(found.runs)[columns].rename(columns={"epochs": "total"}), on="id")


def longest(history):
    """Keep of each trajectory the run of most epochs: the others are its beginnings."""
    return history[history["total"] == history["total"].max()]


def draw_curves(axes, history, metric, by, label=str):
    """Draw a metric against the epoch: for each value of `by`, the mean of its seeds, and their range as a band."""
    for value, group in history.groupby(by, sort=False):
        seeds = group.groupby("epoch")[metric].agg(["mean", "min", "max"])
        (line,) = axes.plot(seeds.index, seeds["mean"], label=label(value))
        axes.fill_between(seeds.index, seeds["min"], seeds["max"], color=line.get_color(), alpha=0.2, linewidth=0)
        if len(seeds) and seeds.index[0] == 0:
            axes.plot(0, seeds["mean"].iloc[0], "o", color=line.get_color(), markersize=5, clip_on=False)
    axes.set_xlabel("epoch (0: the fresh model)")
    axes.xaxis.get_major_locator().set_params(integer=True)


def draw_confusion(axes, confusion, classes):
    """Draw a confusion matrix with its counts, a row per true class; on the logarithmic scale single errors show."""
    shades = np.log1p(confusion)
    axes.imshow(shades, cmap="Blues")
    for (row, col), count in np.ndenumerate(confusion):
        light = shades[row, col] > shades.max() / 2
        axes.text(col, row, count, ha="center", va="center", fontsize=7, color="white" if light else "0.3")
    places = range(len(classes))
    axes.set(xticks=places, xticklabels=classes, yticks=places, yticklabels=classes)
    axes.set(xlabel="class that the net names", ylabel="what it is")
