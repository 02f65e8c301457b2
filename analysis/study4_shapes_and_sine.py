"""Study 4: halve the learning rate until a small VGG learns shapes; watch a dense net fit the sine.

Type: make studies, or run the sweeps study4_shapes and study4_sine (with _small), then
python analysis/study4_shapes_and_sine.py --small
"""

import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter
from recipe import Recipe, draw_curves, finished, histories

from hpcsweep.data import load

recipe = Recipe("study4_shapes_and_sine", __doc__)


def shapes():
    """The loss against the epoch for each learning rate: diverged, no better than guessing, or learning."""
    found = recipe.load("study4_shapes")
    recipe.say(
        f"Data: {found.runs['train_images'].iloc[0]} drawn images of {found.runs['side'].iloc[0]} pixels per side."
    )
    recipe.table(found, rows=["learning_rate"], cols=["decay"], values=["last_loss", "last_val_accuracy"])
    runs = finished(found.runs)
    if runs.empty:
        return
    classes = load("shapes", train=3, validate=3).classes
    chance = math.log(len(classes))
    recipe.say(f"Chance: guessing among {len(classes)} shapes costs ln {len(classes)} = {chance:.4f} nats.")
    draw_examples(classes)
    draw_halving(found, chance)
    plain = runs[runs["decay"] == 0].groupby("learning_rate", sort=True)
    recipe.say("", "Halving the rate, without decay:")
    for rate, group in reversed(list(plain)):
        recipe.say(f"  {rate:<10g} {verdict(group, chance)}")
    learns = [rate for rate, group in plain if verdict(group, chance).startswith("learns")]
    recipe.say(
        f"It learns from a rate of {max(learns):g} downwards, {halvings(runs, learns)} halvings from the first one."
        if learns
        else "It learns at none of these rates: go on halving."
    )


def verdict(group, chance):
    """Say of the runs of one rate whether they diverged, only guess, or learn."""
    diverged = (group["state"] == "diverged").sum()
    if diverged:
        return f"diverged: the loss became NaN or infinite in {diverged} of {len(group)} runs"
    loss = group["last_loss"].mean()
    if loss > 0.98 * chance:
        return f"no better than guessing: loss {loss:.3f}"
    return f"learns: loss {loss:.3f}, test accuracy {group['last_val_accuracy'].mean():.3f}"


def halvings(runs, learns):
    """Return how often the largest rate is halved to reach the largest that learns."""
    return round(math.log2(runs["learning_rate"].max() / max(learns)))


def draw_examples(classes):
    """A few of the drawn images."""
    data = load("shapes", train=24, validate=3)
    figure, panels = plt.subplots(2, 12, figsize=(9, 1.8))
    for axes, image, label in zip(panels.ravel(), data.x, data.y, strict=True):
        axes.imshow(image[..., 0], cmap="gray", vmin=0, vmax=255)
        axes.set_title(classes[label], fontsize=7)
        axes.axis("off")
    recipe.save(figure, "shapes")


def draw_halving(found, chance):
    """The loss of each rate, from the largest to the smallest; a cross marks where it stops being a number."""
    history = histories(found)
    decays = sorted(history["decay"].unique())
    figure, panels = plt.subplots(1, len(decays), figsize=(5 * len(decays), 4), sharey=True, squeeze=False)
    rates = sorted(found.runs["learning_rate"].unique(), reverse=True)
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.95, len(rates)))
    for axes, decay in zip(panels[0], decays, strict=True):
        of_decay = history[history["decay"] == decay]
        axes.set_prop_cycle(color=colours)
        for rate, colour in zip(rates, colours, strict=True):
            of_rate = of_decay[of_decay["learning_rate"] == rate]
            draw_curves(axes, of_rate, "loss", "learning_rate", label="{:g}".format)
            ends = of_rate[of_rate["state"] == "diverged"].groupby("id")["epoch"].max()
            axes.plot(ends, [0.97] * len(ends), "X", color=colour, markersize=9, transform=axes.get_xaxis_transform())
        axes.axhline(chance, color="0.3", linestyle=":", label=f"chance: ln 3 = {chance:.3f}")
        axes.plot([], [], "X", color="0.3", label="NaN or infinite")
        axes.set(yscale="log", title=f"decay {decay:g}" if decay else "without decay")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    panels[0, 0].set_ylabel("training loss (cross-entropy, nats)")
    panels[0, -1].legend(title="learning rate", fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    recipe.save(figure, "halving")


def sine():
    """The fit at the epochs of the sweep, each a point on one trajectory, and where it is worst."""
    found = recipe.load("study4_sine")
    recipe.table(found, rows=["neurons"], cols=["epochs"], values=["last_val_loss", "largest_error"])
    runs = finished(found.runs)
    if runs.empty:
        return
    first = runs[runs["seed"] == runs["seed"].min()]
    kept = found.arrays(list(first["id"]))
    widths = sorted(first["neurons"].unique())
    figure, panels = plt.subplots(1, len(widths), figsize=(5 * len(widths), 3.8), sharey=True, squeeze=False)
    for axes, width in zip(panels[0], widths, strict=True):
        of_width = first[first["neurons"] == width].sort_values("epochs")
        colours = plt.get_cmap("viridis_r")(np.linspace(0.1, 1, len(of_width)))
        for (_, run), colour in zip(of_width.iterrows(), colours, strict=True):
            arrays = kept[run["id"]]
            axes.plot(arrays["x"], arrays["fitted"], color=colour, label=f"epoch {run['epochs']}")
        axes.plot(arrays["x"], np.sin(arrays["x"]), "k:", label="sin x")
        axes.set(title=f"2 layers of {width} ReLUs", xlabel="x")
    panels[0, -1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    recipe.save(figure, "sine")
    last = first.sort_values(["neurons", "epochs"]).groupby("neurons").tail(1)
    for _, run in last.iterrows():
        arrays = kept[run["id"]]
        error = abs(arrays["fitted"] - np.sin(arrays["x"]))
        near_extreme, at = abs(np.sin(arrays["x"])) > 0.9, arrays["x"][error.argmax()]
        recipe.say(
            f"{run['neurons']} neurons, {run['epochs']} epochs: largest error {error.max():.3f} at "
            f"x = {at:.2f}, where sin x = {np.sin(at):+.2f}; mean error "
            f"{error[near_extreme].mean():.3f} near the maxima and minima, {error[~near_extreme].mean():.3f} elsewhere."
        )


shapes()
sine()
