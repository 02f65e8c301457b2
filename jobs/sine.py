"""A regression: a dense net of ReLUs learns the sine; its fit is kept at every number of epochs in the sweep."""

import keras

from hpcsweep.data import load
from hpcsweep.training import fit


def train(run, *, layers: int = 2, neurons: int = 32, learning_rate: float = 0.003, noise: float = 0.0, epochs: int):
    """Train on 200 points of sin(x) from -2 pi to 2 pi; the result holds the fit and its largest error."""
    data = load("sine", low=-6.2832, high=6.2832, noise=noise)
    model = keras.Sequential(
        [
            keras.Input(data.input_shape),
            *[keras.layers.Dense(neurons, activation="relu") for _ in range(layers)],
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(learning_rate), "mse")
    metrics = fit(run, model, data, epochs=epochs, batch_size=20)
    fitted = keras.ops.convert_to_numpy(model(data.x_val))[:, 0]
    run.attach(x=data.x_val[:, 0], fitted=fitted)
    return {**metrics, "largest_error": abs(fitted - data.y_val[:, 0]).max()}
