"""The job of the sweep of 16 short runs."""

from hpcsweep.training import fit
from measuring import mnist, nets, sixteen


def train(run, *, hidden: list[int], optimizer: str, epochs: int):
    """Train a dense net on a part of MNIST."""
    x, y, x_val, y_val = mnist.images()
    model = nets.dense(hidden, optimizer, sixteen.OPTIMIZERS[optimizer])
    return fit(run, model, x, y, batch_size=sixteen.BATCH_SIZE, epochs=epochs, validation_data=(x_val, y_val))
