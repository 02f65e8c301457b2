"""A net of one hidden layer, written by hand in NumPy: sigmoids, no biases, one example per step, squared error.

It can be asked backwards: which image would make it answer "3"?
"""

import numpy as np

from hpcsweep.data import load

LOW, HIGH = 0.01, 0.99  # a sigmoid reaches neither 0 nor 1, so inputs and targets stay away from them


def train(run, *, dataset: str = "digits", hidden: int = 100, learning_rate: float = 0.1, epochs: int):
    """Train for `epochs` epochs; the result holds the confusion matrix and the images asked for backwards."""
    data = load(dataset).flat()
    x, x_val = (LOW + (1 - LOW) * images / data.white for images in (data.x, data.x_val))
    targets = np.where(np.arange(len(data.classes)) == data.y[:, None], HIGH, LOW)
    state = run.restore()
    if state is None:
        state = {"epoch": 0, **fresh_weights(run.seed, x.shape[1], hidden, len(data.classes))}
        run.log(epoch=0, **scores(state, x, data.y, x_val, data.y_val))
    while state["epoch"] < epochs:
        order = np.random.default_rng([run.seed, state["epoch"] + 1]).permutation(len(x))
        train_epoch(state["inward"], state["outward"], x[order], targets[order], learning_rate)
        state["epoch"] += 1
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


def train_epoch(inward, outward, x, targets, learning_rate):
    """Change the weights in place, one step per example, down the squared error."""
    for one, target in zip(x, targets, strict=True):
        middle = sigmoid(one @ inward)
        output = sigmoid(middle @ outward)
        slope = (target - output) * output * (1 - output)
        back = (outward @ slope) * middle * (1 - middle)
        outward += learning_rate * np.outer(middle, slope)
        inward += learning_rate * np.outer(one, back)


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
