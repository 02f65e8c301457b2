"""Study 1: how many epochs does a first Keras net need, and when does it overfit?

Type: hpcsweep run sweeps/study1_epochs_small.toml; python analysis/study1_epochs.py --small
"""

import matplotlib.pyplot as plt
from recipe import Recipe, draw_curves, finished, histories, longest

recipe = Recipe("study1_epochs", __doc__)
recipe.say(
    "Data: scikit-learn's 8x8 digits (1,438 to train, 359 to test) and a net of 64-64-10, in place of MNIST's 60,000 "
    "and 784-784-10: compare how the curves behave, not the numbers."
    if recipe.small
    else "Data: MNIST, 60,000 to train, 10,000 to test; net 784-784-10."
)
found = recipe.load("study1_epochs")
recipe.table(found, rows=["epochs"], values=["last_accuracy", "last_val_accuracy", "max_val_accuracy", "last_val_loss"])
history = histories(found)
if history.empty:
    raise SystemExit
history = longest(history)

figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
for axes, metric, title in zip(panels, ("accuracy", "val_accuracy"), ("training images", "test images"), strict=True):
    draw_curves(axes, history, metric, "dataset", label=lambda name: f"{name}, mean and range of the seeds")
    for epochs in sorted(found.runs["epochs"].unique()):
        axes.axvline(epochs, color="0.8", linewidth=1, zorder=0)
    axes.set_title(title)
    axes.set_ylim(0, 1.01)
panels[0].set_ylabel("accuracy")
panels[0].legend(loc="lower right")
recipe.save(figure, "accuracy")

mean = history.groupby("epoch")[["accuracy", "val_accuracy", "val_loss"]].mean()
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
recipe.say(
    f"Epoch 0, the fresh model, guesses: {mean['accuracy'][0]:.3f}; after one epoch it has {mean['accuracy'][1]:.3f}.",
    f"Training accuracy reaches 0.99 at epoch {near_perfect[0]}."
    if len(near_perfect)
    else "Training accuracy does not reach 0.99.",
    f"Test accuracy is best at epoch {mean['val_accuracy'].idxmax()} ({mean['val_accuracy'].max():.4f}); "
    f"at the end it is {mean['val_accuracy'].iloc[-1]:.4f}.",
    f"Test loss is lowest at epoch {mean['val_loss'].idxmin()} ({mean['val_loss'].min():.4f}); at the end it is "
    f"{mean['val_loss'].iloc[-1]:.4f}.",
    f"The deepest dip of test accuracy from one epoch to the next is {-dips.min():.4f}.",
)
speed = finished(found.runs).groupby("device")["mean_seconds"].agg(["mean", "min", "max", "count"])
recipe.say("", "Seconds per epoch by device:", speed.round(4).to_string())
