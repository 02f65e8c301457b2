"""Study 3: depth, width, optimizer or epochs? With convolutions? And what if the model is not built anew?

Type: make studies, or run the sweeps study3_* (with _small), then
python analysis/study3_depth_width_optimizer.py --small
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from recipe import Recipe, draw_confusion, draw_curves, finished, histories, longest

from hpcsweep.knee import knee, reaching
from hpcsweep.results.query.labels import key_text

THRESHOLDS = (0.6, 0.8)
# what the original's table says, by layers, neurons and optimizer
ORIGINAL = {
    (2, 8, "adam"): {"mean_loss": 2.689, "mean_accuracy": 0.104},
    (2, 8, "adagrad"): {"mean_loss": 3.146, "mean_accuracy": 0.109},
    (2, 16, "adam"): {"mean_loss": 8.699, "mean_accuracy": 0.445},
    (3, 8, "adam"): {"mean_loss": 3.709, "mean_accuracy": 0.132},
}
LOSSES = (0.5, 1, 2, 4, 8)  # labels of the axis
MOST_NAMED = 12  # collapsed runs, the worst last

recipe = Recipe("study3_depth_width_optimizer", __doc__)
recipe.say("The original trained on Kuzushiji-MNIST. On other data compare the order of the rows, not the numbers.")


def one_factor():
    """The base and each single change; averages are over the epochs of the history."""
    found = recipe.load("study3_one_factor")
    recipe.table(found, columns="s3", cols=["scaled"], values=["mean_loss", "mean_accuracy"])
    recipe.say('"sparse categorical" only names how labels are written: its row must equal the base.')
    collapsed(found)


def collapsed(found):
    """Name the runs that get the fewest classes right, and draw the worst one's confusion matrix."""
    runs = finished(found.runs)
    bad = runs[runs["collapsed_classes"] > 0].sort_values("collapsed_classes")
    recipe.say(f"Class collapse: {len(bad)} of {len(runs)} runs never get some class right.")
    if bad.empty:
        return
    columns = [*found.varying(), "seed", "collapsed_classes", "last_val_accuracy"]
    recipe.say(bad[columns].tail(MOST_NAMED).to_string(index=False))
    worst = bad["id"].iloc[-1]
    confusion = found.arrays([worst])[worst]["confusion_matrix"]
    figure, axes = plt.subplots(figsize=(4, 4))
    draw_confusion(axes, confusion, range(len(confusion)))
    axes.set_title(f"run {worst[:12]}: collapsed")
    recipe.save(figure, f"collapse_{found.title}")


def causes():
    """With pixels from 0 to 255, where the original's numbers lie among those of other data, batches and weights."""
    found = recipe.load("study3_causes")
    rows = [name for name in ("dataset", "change") if name in found.varying()]
    for value in ("mean_loss", "mean_accuracy"):
        recipe.table(found, rows=rows, cols=["layers", "neurons", "optimizer"], values=[value])
    runs = finished(found.runs)
    if runs.empty:
        recipe.lacks("the seeds beside the original's numbers", "none of their runs is finished")
        return
    size = {"figsize": (3.6 * len(ORIGINAL), 3.8), "sharex": True, "sharey": True}
    figure, panels = plt.subplots(1, len(ORIGINAL), **size)
    for axes, ((layers, neurons, optimizer), told) in zip(panels, ORIGINAL.items(), strict=True):
        here = runs[(runs["layers"] == layers) & (runs["neurons"] == neurons) & (runs["optimizer"] == optimizer)]
        draw_beside(axes, here, told)
        axes.set_title(f"{layers} of {neurons}, {optimizer}")
        for setting, group in here.groupby(rows, sort=False):
            if all(group[name].min() <= one <= group[name].max() for name, one in told.items()):
                recipe.say(f"{axes.get_title()}: the seeds reach both its numbers with {', '.join(map(str, setting))}.")
    panels[0].set_ylabel("mean accuracy")
    panels[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    recipe.save(figure, "causes")


def draw_beside(axes, runs, told):
    """Each run's mean loss and mean accuracy, one colour per change, and what the original tells as a star."""
    for change, group in runs.groupby("change", sort=False):
        axes.plot(group["mean_loss"], group["mean_accuracy"], "o", alpha=0.6, markersize=4, label=change)
    axes.plot(told["mean_loss"], told["mean_accuracy"], "k*", markersize=13, label="the original")
    axes.set(xscale="log", xlabel="mean loss")
    axes.set_xticks(LOSSES, [f"{one:g}" for one in LOSSES])
    axes.minorticks_off()


def long_run():
    """When thresholds are first passed, and after how many epochs more of them gain next to nothing."""
    found = recipe.load("study3_long")
    values = ["last_loss", "min_loss", "last_accuracy", "max_accuracy", "last_val_accuracy"]
    recipe.table(found, rows=["dataset", "scaled", "epochs"], values=values)
    history = histories(found)
    if history.empty:
        recipe.lacks("the long run's curve and knee", "none of its runs is finished")
        return
    reached = reaching(found, "accuracy", THRESHOLDS)
    names = [name for name in ("dataset", "scaled") if name in reached]
    recipe.say(reached[[*names, "threshold", "first"]].to_string(index=False))
    metrics = ("accuracy", "val_accuracy")
    knees = {metric: knee(found, metric) for metric in metrics}
    settings = list(history.groupby(["dataset", "scaled"], sort=False))
    figure, panels = plt.subplots(1, len(settings), figsize=(5.2 * len(settings), 3.6), squeeze=False)
    for axes, ((dataset, scaled), group) in zip(panels[0], settings, strict=True):
        curve = longest(group).groupby("epoch")[list(metrics)].mean()
        for metric in metrics:
            rows = knees[metric]
            row = rows[[all(row[name] == group[name].iloc[0] for name in names) for _, row in rows.iterrows()]].iloc[0]
            recipe.say(f"{dataset}, scaled {key_text(scaled)}, {metric}: {row['verdict']}")
            (line,) = axes.plot(curve.index[1:], curve[metric].iloc[1:], linewidth=0.8, label=metric)
            if row["kind"] == "knee":
                name = f"its knee: epoch {row['knee']:.0f}"
                axes.axvline(row["knee"], color=line.get_color(), linestyle="--", label=name)
        for threshold in THRESHOLDS:
            axes.axhline(threshold, color="0.8", linewidth=1)
        axes.set(xscale="log", xlabel="epoch", ylabel="accuracy", title=f"{dataset}, scaled {key_text(scaled)}")
        axes.legend(loc="lower right")
    recipe.save(figure, "long")


def convolutions():
    """Two or three convolutions, adam or adagrad."""
    found = recipe.load("study3_conv")
    values = ["mean_loss", "mean_accuracy", "min_loss", "max_accuracy", "max_val_accuracy"]
    recipe.table(found, rows=["optimizer", "conv_layers"], values=values)
    history = histories(found)
    if history.empty:
        recipe.lacks("the curves of the convolutions", "none of their runs is finished")
        return
    figure, axes = plt.subplots(figsize=(6.5, 3.6))
    named = history.assign(net=history["optimizer"] + ", " + history["conv_layers"].astype(str) + " convolutions")
    draw_curves(axes, named, "val_accuracy", "net")
    axes.set_ylabel("accuracy on test images")
    axes.legend()
    recipe.save(figure, "convolutions")
    collapsed(found)


def mistake():
    """The table of a model that was never built anew beside that of fresh ones, and how the digests tell."""
    wrong, right = recipe.load("study3_accumulated"), recipe.load("study3_fresh")
    if finished(wrong.runs).empty:
        recipe.lacks("what comes of a model that is not built anew", "none of its runs is finished")
        return
    fresh = right.runs.set_index("epochs")["mean_accuracy"]
    rows = finished(wrong.runs).sort_values("ended", kind="stable")
    facts = [wrong.facts(run_id) for run_id in rows["id"]]
    ends = {fact["final_weights_sha256"] for fact in facts}
    table = pd.DataFrame(
        {
            "attempt": rows["attempt"],
            "epochs it says": rows["epochs"],
            "epochs it had": rows["epochs"].cumsum(),
            "avg acc, accumulated": rows["mean_accuracy"].round(3),
            "avg acc, fresh": rows["epochs"].map(fresh).round(3),
            "began fresh": ["NO" if fact.get("initial_weights_sha256") in ends else "yes" for fact in facts],
        }
    )
    recipe.say("", table.to_string(index=False), "")
    recipe.say(
        "WRONG ON PURPOSE: the accumulated runs share one model. The same number of epochs gives another result each "
        "time, and a fresh model gives yet another. The weights they began with give them away:",
        f"hpcsweep verify sweeps/study3_accumulated{recipe.suffix}.toml",
    )
    figure, axes = plt.subplots(figsize=(6.5, 3.4))
    places = np.arange(len(table))
    axes.plot(places, table["avg acc, accumulated"], "o-", label="one model, fitted again and again")
    axes.plot(places, table["avg acc, fresh"], "s--", label="a fresh model each")
    axes.set_xticks(places, [f"{epochs:,}" for epochs in table["epochs it says"]])
    axes.set(xlabel="epochs of the attempt, in the order they were run", ylabel="average accuracy")
    axes.legend()
    recipe.save(figure, "mistake")


for part in (one_factor, causes, long_run, convolutions, mistake):
    part()
