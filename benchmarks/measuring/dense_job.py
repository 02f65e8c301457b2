"""The job of the benchmarks' sweeps: a dense or convolutional net on generated images."""

from hpcsweep.data import load
from hpcsweep.training import fit
from measuring import nets


def train(
    run,
    *,
    net: str = "dense",
    layers: int,
    neurons: int,
    optimizer: str = "adam",
    learning_rate: float = 0.001,
    batch_size: int = 32,
    images: int,
    validate: int,
    epochs: int,
):
    """Train `layers` layers of `neurons` neurons or filters."""
    data = load("synthetic", train=images, validate=validate)
    build = {"dense": nets.dense, "conv": nets.conv}[net]
    model = build([neurons] * layers, optimizer=optimizer, learning_rate=learning_rate)
    return fit(run, model, data, epochs=epochs, batch_size=batch_size)
