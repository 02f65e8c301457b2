"""A net of one hidden layer, written by hand: sigmoids, no biases, one example per step, squared error.

It can be asked backwards: which image would make it answer "3"? TensorFlow only compiles the loop over the examples;
the same lines with `np` for `tf`, step by step, give the same weights in six times as long.
"""

from typing import Literal

import numpy as np
import tensorflow as tf

from hpcsweep.data import load

LOW, HIGH = 0.01, 0.99  # a sigmoid reaches neither 0 nor 1, so inputs and targets stay away from them


def train(
    run,
    *,
    dataset: str = "digits",
    hidden: int = 100,
    learning_rate: float = 0.1,
    rule: Literal["gradient", "raw error"] = "gradient",
    epochs: int,
):
    """Train for `epochs` epochs; the result holds the confusion matrix and the images asked for backwards.

    `rule`: "gradient" hands the hidden layer the slope of the squared error. "raw error" hands it the outputs' errors
    as they are, without the slope of the outputs' sigmoids, as programs made by hand often do.
    """
    data = load(dataset).flat()
    x, x_val = (LOW + (1 - LOW) * images / data.white for images in (data.x, data.x_val))
    targets = np.where(np.arange(len(data.classes)) == data.y[:, None], HIGH, LOW)
    rate = np.array(learning_rate)  # an array is an argument of the compiled loop, a number would be a part of it
    state = run.restore()
    if state is None:
        state = {"epoch": 0, **fresh_weights(run.seed, x.shape[1], hidden, len(data.classes))}
        run.log(epoch=0, **scores(state, x, data.y, x_val, data.y_val))
    while state["epoch"] < epochs:
        order = np.random.default_rng([run.seed, state["epoch"] + 1]).permutation(len(x))
        weights = (state["inward"], state["outward"])
        inward, outward = train_epoch(*weights, x[order], targets[order], rate, raw=rule == "raw error")
        state = {"epoch": state["epoch"] + 1, "inward": inward.numpy(), "outward": outward.numpy()}
        run.log(epoch=state["epoch"], **scores(state, x, data.y, x_val, data.y_val))
        if run.should_stop:
            run.checkpoint(state)
            return None  # a pause, not an end
        if run.checkpoint_due:
            run.checkpoint(state)
    run.checkpoint(state)
    guesses = answers(state, x_val).argmax(axis=1)
    confusion = np.zeros((len(data.classes), len(data.classes)), np.int64)
    np.add.at(confusion, (data.y_val, guesses), 1)
    images = np.stack([ask_backwards(state, label) for label in range(len(data.classes))])
    run.attach(confusion_matrix=confusion, backwards=images.reshape(-1, *load(dataset).input_shape[:2]))
    return scores(state, x, data.y, x_val, data.y_val)


def fresh_weights(seed, inputs, hidden, outputs):
    """Draw normal weights with a standard deviation of 1 / sqrt(links into a node)."""
    random = np.random.default_rng(seed)
    return {
        "inward": random.normal(0, inputs**-0.5, (inputs, hidden)),
        "outward": random.normal(0, hidden**-0.5, (hidden, outputs)),
    }


@tf.function(jit_compile=True, autograph=False)
def train_epoch(inward, outward, x, targets, learning_rate, raw):
    """Return the weights after one step per example."""

    def step(number, inward, outward):
        one, target = x[number], targets[number]
        middle = tf.sigmoid(tf.linalg.matvec(inward, one, transpose_a=True))
        output = tf.sigmoid(tf.linalg.matvec(outward, middle, transpose_a=True))
        slope = (target - output) * output * (1 - output)
        back = tf.linalg.matvec(outward, target - output if raw else slope) * middle * (1 - middle)
        inward += learning_rate * one[:, None] * back
        outward += learning_rate * middle[:, None] * slope
        return number + 1, inward, outward

    examples = x.shape[0]
    return tf.while_loop(lambda number, *_: number < examples, step, (0, inward, outward))[1:]


def answers(state, x):
    """Return the outputs [examples, classes]."""
    return sigmoid(sigmoid(x @ state["inward"]) @ state["outward"])


def scores(state, x, y, x_val, y_val):
    """Return accuracy and squared error on both parts of the data."""
    found = {}
    for prefix, inputs, labels in (("", x, y), ("val_", x_val, y_val)):
        outputs = answers(state, inputs)
        targets = np.where(np.arange(outputs.shape[1]) == labels[:, None], HIGH, LOW)
        found[f"{prefix}accuracy"] = float((outputs.argmax(axis=1) == labels).mean())
        found[f"{prefix}loss"] = float(((outputs - targets) ** 2).mean())
    return found


def ask_backwards(state, label):
    """Return the input [pixels], 0 to 1, of a certain `label`: inverse sigmoids, transposed weights."""
    wanted = np.full(state["outward"].shape[1], LOW)
    wanted[label] = HIGH
    middle = scaled(state["outward"] @ logit(wanted))
    return scaled(state["inward"] @ logit(LOW + (HIGH - LOW) * middle))


def scaled(values):
    """Stretch values to the range from 0 to 1."""
    return (values - values.min()) / (np.ptp(values) or 1)


def sigmoid(values):
    """Return 1 / (1 + exp(-values)), without overflow."""
    return 0.5 * (1 + np.tanh(values / 2))


def logit(values):
    """The inverse of the sigmoid."""
    return np.log(values / (1 - values))
