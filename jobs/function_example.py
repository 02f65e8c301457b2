"""A job without Keras: any Python function that logs, checkpoints and returns its final metrics.

Gradient descent on a noisy parabola. The noise comes from the run's seed, so every seed is a different run.
"""

import numpy as np


def minimise(run, *, learning_rate: float, momentum: float = 0.0, noise: float = 0.1, epochs: int):
    """Walk down x² from x = 3; the loss is x² at the present place."""
    state = run.restore() or {"epoch": 0, "x": 3.0, "velocity": 0.0}
    if state["epoch"] == 0:
        run.log(epoch=0, loss=state["x"] ** 2)
    while state["epoch"] < epochs and not run.diverged:
        if run.should_stop:
            run.checkpoint(state)
            return None
        epoch = state["epoch"] + 1
        wobble = noise * np.random.default_rng([run.seed, epoch]).standard_normal()
        velocity = momentum * state["velocity"] - learning_rate * (2 * state["x"] + wobble)
        state = {"epoch": epoch, "x": state["x"] + velocity, "velocity": velocity}
        run.log(epoch=epoch, loss=min(state["x"] ** 2, 1e300) if abs(state["x"]) < 1e150 else float("inf"))
    run.checkpoint(state)
    return {"loss": run.history["loss"][-1], "distance": abs(state["x"])}
