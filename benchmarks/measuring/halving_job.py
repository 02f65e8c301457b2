"""The job of `halving.py`: a dense net on a part of MNIST."""

from hpcsweep.data import Data
from hpcsweep.training import fit
from measuring import mnist, nets


def train(run, *, layers: int, neurons: int, optimizer: str, learning_rate: float, epochs: int):
    """Train `layers` layers of `neurons` neurons."""
    x, y, x_val, y_val = mnist.images()
    data = Data(x, y, x_val, y_val, classes=tuple("0123456789"), name="mnist")
    model = nets.dense([neurons] * layers, optimizer=optimizer, learning_rate=learning_rate)
    return fit(run, model, data, epochs=epochs, batch_size=mnist.BATCH_SIZE)
