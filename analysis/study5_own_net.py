"""Study 5: five experiments with a net made by hand: one run, learning rates, epochs, both, and asking it backwards.

Type: make studies, or run the sweeps study5_own_net and study5_many_epochs (with _small), then
python analysis/study5_own_net.py --small
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from recipe import Recipe, finished, histories, longest

RATE_OF_ONE_RUN, RATE_OF_MANY_EPOCHS = 0.3, 0.1
TOLD_EPOCHS = (1, 2, 5, 10, 15)  # those that a page has room for

recipe = Recipe("study5_own_net", __doc__)
if recipe.small:
    recipe.say("An epoch of the small digits has 1,438 steps, not 60,000, so the best rates are larger than on MNIST.")
found = recipe.load("study5_own_net")
recipe.table(found, rows=["rule", "learning_rate"], cols=["epochs"], where=f"epochs in {TOLD_EPOCHS}")
runs = finished(found.runs)
if runs.empty:
    recipe.lacks("all five experiments", "no run is finished")
    raise SystemExit
rules = list(runs["rule"].unique())
score = runs.groupby(["rule", "learning_rate", "epochs"], sort=False)["last_val_accuracy"].agg(["mean", "min", "max"])
score = score.reset_index().sort_values(["learning_rate", "epochs"])


def of_rule(rule, **wanted):
    """Return the scores of one rule, of one rate or one number of epochs if that is given."""
    kept = score[score["rule"] == rule]
    for name, value in wanted.items():
        kept = kept[kept[name] == value]
    return kept


def one_run():
    """Experiment 1: one epoch at a rate of 0.3."""
    for rule in rules:
        here = of_rule(rule, learning_rate=RATE_OF_ONE_RUN, epochs=1)
        if len(here):
            recipe.say(f"1. {rule}, rate {RATE_OF_ONE_RUN}, epoch 1: {here['mean'].iloc[0]:.4f} right on test images.")
        else:
            recipe.lacks(f"experiment 1, {rule}", f"no run of one epoch at a rate of {RATE_OF_ONE_RUN} is finished")


def rate_curve():
    """Experiment 2: the score after one epoch against the rate, smallest to largest."""
    figure, axes = plt.subplots(figsize=(5.5, 3.4))
    for rule in rules:
        here = of_rule(rule, epochs=1)
        if here.empty:
            recipe.lacks(f"experiment 2, {rule}", "no run of one epoch is finished")
            continue
        spread = [here["mean"] - here["min"], here["max"] - here["mean"]]
        axes.errorbar(here["learning_rate"], here["mean"], yerr=spread, fmt="o-", capsize=3, label=rule)
        best, ends = here.loc[here["mean"].idxmax()], here.iloc[[0, -1]]
        smallest, largest = (f"{end['learning_rate']:g}, has {end['mean']:.4f}" for _, end in ends.iterrows())
        recipe.say(
            f"2. {rule}: after one epoch the best rate is {best['learning_rate']:g} ({best['mean']:.4f}); "
            f"the smallest, {smallest}; the largest, {largest}."
        )
    axes.set(xscale="log", xlabel="learning rate", ylabel="share right on test images")
    axes.set_title("after one epoch: mean and range of the seeds")
    axes.legend(title="rule")
    recipe.save(figure, "learning_rates")


def epoch_curves():
    """Experiment 3: the score against the epochs, with enough seeds to tell a fall from chance."""
    many = recipe.load("study5_many_epochs")
    recipe.table(many, rows=["learning_rate"], cols=["epochs"], values=["last_val_accuracy"])
    history = histories(many)
    if history.empty:
        recipe.lacks("experiment 3", "none of its runs is finished")
        return
    figure, axes = plt.subplots(figsize=(5.5, 3.4))
    for rate, group in longest(history[history["epoch"] > 0]).groupby("learning_rate"):
        seeds = group.pivot_table(index="epoch", columns="seed", values="val_accuracy").dropna(axis="columns")
        mean = seeds.mean(axis="columns")
        (line,) = axes.plot(seeds.index, mean, "o-", markersize=3, label=f"{rate:g}")
        axes.plot(seeds.index, seeds, color=line.get_color(), alpha=0.2, linewidth=0.8)
        fall = seeds.loc[mean.idxmax()] - seeds.iloc[-1]
        error = fall.std() / np.sqrt(len(fall))
        recipe.say(
            f"3. Rate {rate:g}: best at epoch {mean.idxmax()} ({mean.max():.4f}), {mean.iloc[-1]:.4f} at epoch "
            f"{mean.index[-1]}: a fall of {fall.mean():.4f} ± {error:.4f} (standard error), "
            f"{(fall > 0).sum()} of {len(fall)} seeds fall; the best single score is {seeds.to_numpy().max():.4f}."
        )
    axes.set(xlabel="epochs", ylabel="share right on test images")
    axes.set_title("mean of the seeds, and each seed")
    axes.legend(title="learning rate")
    recipe.save(figure, "epochs")


def family(panels, shown=None):
    """Experiment 4: the score against the epochs, one curve per rate; `shown` is how many rates are drawn."""
    rates = sorted(score.loc[score["epochs"] > 1, "learning_rate"].unique())
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.95, len(rates)))
    lowest = score.loc[score["learning_rate"].isin(rates), "min"].min()
    for axes, rule in zip(panels, rules, strict=True):
        axes.clear()
        for rate, colour in list(zip(rates, colours, strict=True))[:shown]:
            here = of_rule(rule, learning_rate=rate)
            axes.plot(here["epochs"], here["mean"], "o-", markersize=3, color=colour, label=f"{rate:g}")
            axes.fill_between(here["epochs"], here["min"], here["max"], color=colour, alpha=0.2, linewidth=0)
        axes.set(title=rule, xlabel="epochs", ylim=(lowest - 0.005, score["max"].max() + 0.005))
        axes.set_xlim(0.5, score["epochs"].max() + 0.5)
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_ylabel("share right on test images")
    panels[-1].legend(title="learning rate", loc="lower right", fontsize=7, ncols=2)
    return len(rates)


def draw_family():
    """The family of curves as a figure, and as an animation that adds one rate after another."""
    if score["epochs"].nunique() == 1:
        recipe.lacks("experiment 4", "no run of more than one epoch is finished")
        return
    figure, panels = plt.subplots(1, len(rules), figsize=(4.5 * len(rules), 4), sharey=True, squeeze=False)
    rates = family(panels[0])
    animation = FuncAnimation(figure, lambda frame: family(panels[0], frame + 1), frames=rates)
    animation.save(recipe.out / "rates_and_epochs.gif", writer=PillowWriter(fps=1.5), dpi=90)
    recipe.say(f"animation: rates_and_epochs.gif in {recipe.out.name}")
    recipe.save(figure, "rates_and_epochs")
    for rule in rules:
        here = of_rule(rule)
        best = here.loc[here["mean"].idxmax()]
        recipe.say(
            f"4. {rule}: the best is rate {best['learning_rate']:g} with {best['epochs']:g} epochs: {best['mean']:.4f}."
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


for experiment in (one_run, rate_curve, epoch_curves, draw_family, ask_backwards):
    experiment()
