"""The sweep of 16 short runs: 4 nets x 2 optimizers x 2 seeds, 5 epochs of 10,000 images of MNIST in batches of 32.

    python -m measuring.sixteen pytorch|keras

trains them as one writes it by hand: in two processes that import once and train one run after the other, one thread
each. Needs NumPy and the library, not hpcsweep. Prints the mean validation accuracy of each optimizer.
"""

from __future__ import annotations

import itertools
import os
import sys
from multiprocessing import get_context
from typing import Any

import numpy as np

from measuring import mnist, nets
from measuring.machine import ONE_THREAD

HIDDEN = [[8], [16], [8, 8], [16, 16]]
OPTIMIZERS = {"adam": 0.001, "sgd": 0.01}
SEEDS = [0, 1]
EPOCHS, BATCH_SIZE, PROCESSES = 5, 32, 2
Run = tuple[list[int], str, int]
"""The neurons of each hidden layer, the optimizer, the seed."""


def keras_run(run: Run) -> float:
    """Train a run by `model.fit`; return its last validation accuracy."""
    import keras

    hidden, optimizer, seed = run
    keras.utils.set_random_seed(seed)
    x, y, x_val, y_val = mnist.images()
    model = nets.dense(hidden, optimizer, OPTIMIZERS[optimizer])
    told = model.fit(x, y, BATCH_SIZE, EPOCHS, verbose=0, validation_data=(x_val, y_val))
    return float(told.history["val_accuracy"][-1])


def pytorch_run(run: Run) -> float:
    """Train a run by a loop in PyTorch that notes what Keras notes; return its last validation accuracy."""
    import torch

    hidden, optimizer, seed = run
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    x, y, x_val, y_val = mnist.images()
    train = torch.tensor(x).float().flatten(1) / nets.WHITE, torch.tensor(y).long()
    validation = torch.tensor(x_val).float().flatten(1) / nets.WHITE, torch.tensor(y_val).long()
    widths = [train[0].shape[1], *hidden]
    layers = [part for pair in itertools.pairwise(widths) for part in (torch.nn.Linear(*pair), torch.nn.ReLU())]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(widths[-1], 10))
    step = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer](model.parameters(), lr=OPTIMIZERS[optimizer])
    for _ in range(EPOCHS):
        _epoch(model, *train, torch.randperm(len(y)), step)
        with torch.no_grad():
            accuracy = _epoch(model, *validation, torch.arange(len(y_val)))
    return accuracy


def _epoch(model: Any, x: Any, y: Any, order: Any, step: Any = None) -> float:
    """Pass once over the examples in `order`, and train if there is an optimizer; return the accuracy."""
    import torch

    loss = right = 0.0
    for rows in order.split(BATCH_SIZE):
        outputs, truth = model(x[rows]), y[rows]
        of_batch = torch.nn.functional.cross_entropy(outputs, truth)
        if step is not None:
            step.zero_grad()
            of_batch.backward()
            step.step()
        loss += of_batch.item() * len(rows)
        right += (outputs.argmax(1) == truth).sum().item()
    return right / len(order)


BY_HAND = {"pytorch": pytorch_run, "keras": keras_run}


def main(library: str) -> None:
    """Train all runs, each as soon as a process is free."""
    os.environ.update(ONE_THREAD)
    runs = list(itertools.product(HIDDEN, OPTIMIZERS, SEEDS))
    with get_context("spawn").Pool(PROCESSES) as pool:
        found = pool.map(BY_HAND[library], runs, chunksize=1)
    for optimizer in OPTIMIZERS:
        mean = np.mean([accuracy for (_, name, _), accuracy in zip(runs, found, strict=True) if name == optimizer])
        print(f"{optimizer} {mean:.3f}")


if __name__ == "__main__":
    main(sys.argv[1])
