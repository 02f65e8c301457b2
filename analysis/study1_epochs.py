"""Study 1: how many epochs does a first Keras net need, and when does it overfit?

Type: hpcsweep run sweeps/study1_epochs_small.toml; python analysis/study1_epochs.py --small
"""

import matplotlib.pyplot as plt
from recipe import Recipe, draw_curves, finished, histories, longest

PANELS = {"accuracy": "training images", "val_accuracy": "test images"}
MARGIN = 0.05  # of the range of what is drawn

recipe = Recipe("study1_epochs", __doc__)
found = recipe.load("study1_epochs")
recipe.table(found, rows=["epochs"], values=["last_accuracy", "last_val_accuracy", "max_val_accuracy", "last_val_loss"])
history = histories(found)
if history.empty:
    recipe.lacks("the panels, the dips and the seconds per epoch", "no run is finished")
    raise SystemExit
weights = int(finished(found.runs)["parameters"].iloc[0])
recipe.say(f"Net: one hidden layer as wide as the image has pixels, {weights:,} weights in all.")
history = longest(history)
mean = history.groupby("epoch")[["accuracy", "val_accuracy", "val_loss"]].mean()


def draw_panels():
    """One panel per number of epochs, of the same trajectories; from epoch 1 on, or all curves would look flat."""
    totals = [total for total in sorted(found.runs["epochs"].unique()) if total <= history["epoch"].max()]
    figure, panels = plt.subplots(1, len(totals), figsize=(4.2 * len(totals), 3.8), sharey=True, squeeze=False)
    trained = history[history["epoch"] > 0]
    lowest = trained[list(PANELS)].min().min()
    room = MARGIN * (1 - lowest)
    fresh = ", ".join(f"{mean[metric][0]:.3f} on {name}" for metric, name in PANELS.items())
    for axes, total in zip(panels[0], totals, strict=True):
        for metric, name in PANELS.items():
            draw_curves(axes, trained[trained["epoch"] <= total].assign(part=name), metric, "part")
            axes.plot(0, lowest - room, "v", color=axes.get_lines()[-1].get_color(), clip_on=False)
        axes.set(title=f"{total} epochs", xlim=(0, total), ylim=(lowest - room, 1 + room))
    panels[0, 0].set_ylabel("accuracy: mean and range of the seeds")
    panels[0, 0].legend(loc="lower right")
    figure.suptitle(f"v: epoch 0, the fresh model, lies below: {fresh}", fontsize="small")
    recipe.save(figure, "accuracy")


def tell_epochs():
    """What the curves show in numbers: the gap between both parts, where it ends to improve, and the dips."""
    gap = mean["accuracy"] - mean["val_accuracy"]
    recipe.say(
        "",
        "epoch  train   test    gap (train - test: overfitting; train is the mean during the epoch)",
        *(
            f"{epoch:5d}  {mean['accuracy'][epoch]:.4f}  {mean['val_accuracy'][epoch]:.4f}  {gap[epoch]:+.4f}"
            for epoch in sorted({0, 1, *found.runs["epochs"]} & set(mean.index))
        ),
    )
    near_perfect = mean.index[mean["accuracy"] >= 0.99]
    dips = history.sort_values("epoch").groupby("id")["val_accuracy"].diff()
    deepest = history.loc[dips.idxmin()]
    recipe.say(
        f"Epoch 0, the fresh model, guesses: {mean['accuracy'][0]:.3f}; after one epoch it has "
        f"{mean['accuracy'][1]:.3f}.",
        f"Training accuracy reaches 0.99 at epoch {near_perfect[0]}."
        if len(near_perfect)
        else "Training accuracy does not reach 0.99.",
        f"Test accuracy is best at epoch {mean['val_accuracy'].idxmax()} ({mean['val_accuracy'].max():.4f}); "
        f"at the end it is {mean['val_accuracy'].iloc[-1]:.4f}.",
        f"Test loss is lowest at epoch {mean['val_loss'].idxmin()} ({mean['val_loss'].min():.4f}); at the end it is "
        f"{mean['val_loss'].iloc[-1]:.4f}.",
        f"The deepest dip of test accuracy from one epoch to the next is {-dips.min():.4f}, at epoch "
        f"{deepest['epoch']} of seed {deepest['seed']}.",
    )


def tell_speed():
    """The seconds of an epoch, by the device that trained it."""
    speed = finished(found.runs).groupby("device")["mean_seconds"].agg(["mean", "min", "max", "count"])
    recipe.say("", "Seconds per epoch by device:", speed.round(4).to_string())
    if len(speed) == 1:
        recipe.lacks("one device against another", f"all runs were trained on {speed.index[0]}")


for part in (draw_panels, tell_epochs, tell_speed):
    part()
