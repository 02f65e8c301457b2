"""Study 5: five experiments with a net made by hand: one run, learning rates, epochs, both, and asking it backwards.

Type: hpcsweep run sweeps/study5_own_net_small.toml; python analysis/study5_own_net.py --small
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from recipe import Recipe, finished

recipe = Recipe("study5_own_net", __doc__)
recipe.say(
    "Data: scikit-learn's 8x8 digits, net 64-100-10, in place of MNIST's 784-100-10. An epoch has 1,438 steps, not "
    "60,000, so every rate needs more epochs, and the best rates are larger."
    if recipe.small
    else "Data: MNIST, net 784-100-10, one example per step."
)
found = recipe.load("study5_own_net")
recipe.table(found, rows=["learning_rate"], cols=["epochs"], values=["last_val_accuracy"])
runs = finished(found.runs)
if runs.empty:
    raise SystemExit
score = runs.groupby(["learning_rate", "epochs"])["last_val_accuracy"].agg(["mean", "min", "max"]).reset_index()


def one_run():
    """Experiment 1: one epoch at a rate of 0.3."""
    here = score[(score["learning_rate"] == 0.3) & (score["epochs"] == 1)]
    if len(here):
        recipe.say(f"1. Rate 0.3, one epoch: {here['mean'].iloc[0]:.3f} right on the test images.")


def rate_curve(epochs):
    """Experiment 2: the score against the rate, smallest to largest."""
    here = score[score["epochs"] == epochs]
    if here.empty:
        return
    best = here.loc[here["mean"].idxmax()]
    figure, axes = plt.subplots(figsize=(5.5, 3.4))
    spread = [here["mean"] - here["min"], here["max"] - here["mean"]]
    axes.errorbar(here["learning_rate"], here["mean"], yerr=spread, fmt="o-", capsize=3)
    axes.set(xscale="log", xlabel="learning rate", ylabel="share right on test images")
    axes.set_title(f"after {epochs} epochs, mean and range of the seeds")
    recipe.save(figure, "learning_rates")
    recipe.say(
        f"2. After {epochs} epochs the best rate is {best['learning_rate']:g} ({best['mean']:.3f}); the smallest, "
        f"{here['learning_rate'].iloc[0]:g}, has {here['mean'].iloc[0]:.3f}, the largest, "
        f"{here['learning_rate'].iloc[-1]:g}, {here['mean'].iloc[-1]:.3f}."
    )


def epoch_curve(rate):
    """Experiment 3: the score against the epochs at one rate, every epoch of the longest runs."""
    longest = runs[(runs["learning_rate"] == rate) & (runs["epochs"] == runs["epochs"].max())]
    history = found.history().astype({"id": str})
    mean = history[history["id"].isin(longest["id"])].groupby("epoch")["val_accuracy"].mean()
    if mean.empty:
        return
    fall, spread = mean.max() - mean.iloc[-1], np.ptp(longest["last_val_accuracy"])
    recipe.say(
        f"3. Rate {rate:g}: best at epoch {mean.idxmax()} ({mean.max():.3f}), {mean.iloc[-1]:.3f} at epoch "
        f"{mean.index[-1]}: a fall of {fall:.3f}, {'more than' if fall > spread else 'within'} the seeds' range "
        f"of {spread:.3f}."
    )


def family(shown=None):
    """Experiment 4: the score against the epochs, one curve per rate; `shown` is how many rates are drawn."""
    rates = sorted(score["learning_rate"].unique())
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.95, len(rates)))
    axes = plt.gca()
    axes.clear()
    for rate, colour in list(zip(rates, colours, strict=True))[:shown]:
        here = score[score["learning_rate"] == rate]
        axes.plot(here["epochs"], here["mean"], "o-", color=colour, label=f"{rate:g}")
        axes.fill_between(here["epochs"], here["min"], here["max"], color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel="epochs", ylabel="share right on test images", ylim=(0, 1), xlim=(0, score["epochs"].max() + 0.5))
    axes.legend(title="learning rate", loc="center right", fontsize=8, ncols=2)
    axes.xaxis.get_major_locator().set_params(integer=True)
    return len(rates)


def draw_family():
    """The family of curves as a figure, and as an animation that adds one rate after another."""
    figure = plt.figure(figsize=(6.5, 4))
    rates = family()
    recipe.save(figure, "rates_and_epochs")
    figure = plt.figure(figsize=(6.5, 4))
    animation = FuncAnimation(figure, lambda frame: family(frame + 1), frames=rates, interval=700)
    animation.save(recipe.out / "rates_and_epochs.gif", writer=PillowWriter(fps=1.5))
    plt.close(figure)
    recipe.say(f"animation: rates_and_epochs.gif in {recipe.out.name}")
    best = score.loc[score["mean"].idxmax()]
    recipe.say(
        f"4. The best of all is rate {best['learning_rate']:g} with {best['epochs']:g} epochs: {best['mean']:.3f}."
    )


def ask_backwards():
    """Experiment 5: for each answer the image that would make the net give it, of the best run."""
    best = runs.loc[runs["last_val_accuracy"].idxmax()]
    images = found.arrays([best["id"]])[best["id"]]["backwards"]
    figure, panels = plt.subplots(2, 5, figsize=(7, 3.2))
    for label, (axes, image) in enumerate(zip(panels.ravel(), images, strict=True)):
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(str(label))
        axes.axis("off")
    recipe.save(figure, "backwards")
    recipe.say(f"5. What run {best['id'][:12]} thinks the ten digits look like: backwards.png.")


one_run()
rate_curve(epochs=5)
epoch_curve(rate=0.1)
draw_family()
ask_backwards()
