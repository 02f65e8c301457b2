"""Study 2: what does a net learn, and what do batch size, learning rate and dropout change?

Type: make studies, or run the sweeps study2_inside, study2_sanity and study4_sine (with _small), then
python analysis/study2_inside.py --small
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator
from recipe import Recipe, data_of, draw_confusion, draw_curves, finished, histories
from sanity_check import PASSED_FROM, verdicts

from hpcsweep.data import load

SHOWN_UNITS = 8
SELDOM = 0.01  # below this share, a unit may have been on in no training image at all, and then none excites it most
ROOM = 0.005  # between the curves and the ends of the axis
FAILED = 0.7  # a run that ends below this part of the best run's accuracy is not drawn, but named
BUSY = 0.8  # a unit that is on in more than this share of the test images says little about any of them

recipe = Recipe("study2_inside", __doc__)
found = recipe.load("study2_inside")
recipe.table(
    found,
    rows=["batch_size", "learning_rate", "last_rate", "dropout"],
    values=["last_accuracy", "last_val_accuracy", "top2_accuracy", "top3_accuracy", "busy_units"],
)
recipe.say("busy_units: the share of hidden units that are on in more than 80 % of the test images.")


def draw_changes(found):
    """One panel per factor: test accuracy at each of its values, with the other factors at the base."""
    whole, factors = histories(found), found.varying()
    fresh = whole.loc[whole["epoch"] == 0, "val_accuracy"].mean()
    recipe.say(f"Epoch 0, the fresh model, has {fresh:.3f}; the figure begins with epoch 1, or all would look flat.")
    history = whole[whole["epoch"] > 0]
    base = {name: found.runs[name].iloc[0] for name in factors}
    alone = {
        factor: history[np.logical_and.reduce([history[name] == base[name] for name in factors if name != factor])]
        for factor in factors
    }
    figure, panels = plt.subplots(1, len(factors), figsize=(3.2 * len(factors), 3.4), sharey=True)
    for axes, (factor, group) in zip(panels, alone.items(), strict=True):
        draw_curves(axes, group, "val_accuracy", factor)
        axes.legend(title=factor, loc="lower right")
    panels[0].set_ylabel("accuracy on test images")
    panels[0].set_ylim(lowest_drawn(history, base), history["val_accuracy"].max() + ROOM)
    recipe.save(figure, "changes")
    tell_wobble(alone["batch_size"])


def lowest_drawn(history, base):
    """Return where the axis begins, and name the runs that end below it, since they would flatten all curves."""
    ends = history.sort_values("epoch").groupby("id").last()
    failed = ends["val_accuracy"] <= FAILED * ends["val_accuracy"].max()
    for _, run in ends[failed].iterrows():
        named = ", ".join(f"{name} {run[name]:g}" for name in base if run[name] != base[name])
        recipe.say(f"Below the figure: {named}, seed {run['seed']}: {run['val_accuracy']:.3f} at the end.")
    return history.loc[~history["id"].isin(ends.index[failed]), "val_accuracy"].min() - ROOM


def tell_wobble(history):
    """How much test accuracy moves from epoch to epoch in the late half, by batch size."""
    wobble = history.sort_values("epoch").groupby("id")["val_accuracy"].diff().abs()
    late = history["epoch"] > history["epoch"].max() // 2
    for size, group in history[late].assign(wobble=wobble).groupby("batch_size"):
        recipe.say(f"batch size {size}: test accuracy moves by {group['wobble'].mean():.4f} per epoch (late half)")


def draw_classes(arrays, classes):
    """The confusion matrix and the accuracy of each class: which digit is worst, which pair is confused most."""
    confusion, right = arrays["confusion_matrix"], arrays["per_class_accuracy"]
    figure, (left, dots) = plt.subplots(1, 2, figsize=(9, 4))
    draw_confusion(left, confusion, classes)
    left.set_title("test images")
    dots.plot(right, range(len(classes)), "o")
    dots.set(yticks=range(len(classes)), yticklabels=classes, xlabel="share that is correct", title="each class")
    dots.xaxis.set_major_locator(MaxNLocator(4))
    dots.invert_yaxis()
    dots.grid(axis="y", alpha=0.3)
    recipe.save(figure, "classes")
    errors = confusion - np.diag(np.diag(confusion))
    true, said = np.unravel_index(errors.argmax(), errors.shape)
    worst = int(right.argmin())
    recipe.say(
        f"Worst class: {classes[worst]} ({right[worst]:.3f} right; the 5: {right[5]:.3f}). Most confused: "
        f"{classes[true]} taken for {classes[said]}, {errors[true, said]} times; 8 taken for 3 {errors[8, 3]} times, "
        f"3 for 8 {errors[3, 8]} times."
    )


def draw_units(arrays, data):
    """Hidden units by how often they are on: their input weights, and the training images that excite them most."""
    order = np.argsort(arrays["share_on"])
    order = order[arrays["share_on"][order] >= SELDOM]
    units = order[np.linspace(0, len(order) - 1, SHOWN_UNITS).round().astype(int)]
    images = arrays["exciting_images"].shape[1]
    figure, panels = plt.subplots(images + 1, SHOWN_UNITS, figsize=(1.1 * SHOWN_UNITS, 1.2 * (images + 1)))
    for column, unit in enumerate(units):
        weights = arrays["unit_weights"][unit]
        panels[0, column].imshow(weights, cmap="RdBu", vmin=-abs(weights).max(), vmax=abs(weights).max())
        panels[0, column].set_title(f"unit {unit}\non {arrays['share_on'][unit]:.0%}", fontsize=8)
        for row, image in enumerate(arrays["exciting_images"][unit], 1):
            panels[row, column].imshow(data.x[image][..., 0], cmap="gray_r")
    for axes in panels.ravel():
        axes.set(xticks=[], yticks=[])
    panels[0, 0].set_ylabel("weights")
    panels[1, 0].set_ylabel("excite most")
    recipe.save(figure, "hidden_units")


def draw_dropout(found):
    """How often the hidden units are on, without and with dropout."""
    figure, axes = plt.subplots(figsize=(5, 3.2))
    alike = finished(found.runs)
    base = {name: found.runs[name].iloc[0] for name in found.varying() if name != "dropout"}
    for name, value in base.items():
        alike = alike[alike[name] == value]
    for dropout, group in alike.groupby("dropout"):
        share = np.sort(np.concatenate([kept["share_on"] for kept in found.arrays(list(group["id"])).values()]))
        axes.plot(np.linspace(0, 1, len(share)), share, label=f"dropout {dropout:g}")
        recipe.say(
            f"dropout {dropout:g}: {np.mean(share > BUSY):.1%} of the hidden units are on in more than 80 % "
            "of the test images"
        )
    axes.axhline(BUSY, color="0.7", linewidth=1)
    axes.set(xlabel="hidden units, from the least to the most active", ylabel="share of test images it is on in")
    axes.legend()
    recipe.save(figure, "dropout")


done = finished(found.runs)
if len(done):
    draw_changes(found)
    best = done.loc[done["last_val_accuracy"].idxmax()]
    data = load(best["dataset"])
    recipe.say(f"The best run on test images is {best['id'][:12]} ({best['last_val_accuracy']:.4f}):")
    arrays = found.arrays([best["id"]])[best["id"]]
    draw_classes(arrays, data.classes)
    draw_units(arrays, data)
    draw_dropout(found)
else:
    recipe.lacks("all figures of the net's inside", "no run is finished")

sanity = recipe.load("study2_sanity")
if len(finished(sanity.runs)):
    recipe.say(data_of(sanity), f"Can it learn 10 examples of each class by heart (training accuracy {PASSED_FROM})?")
    recipe.say(verdicts(sanity).to_string(index=False))
else:
    recipe.lacks("the sanity check, and the rate at which the weights explode", "none of its runs is finished")

sine = recipe.load("study4_sine")
recipe.table(sine, rows=["neurons"], cols=["epochs"], values=["largest_error"])
recipe.say("The fits themselves are drawn by analysis/study4_shapes_and_sine.py.")
