"""The examples: what each builds, and what it gives to `fit`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from tests.training.examples import models

L, ops = keras.layers, keras.ops
EXAMPLES, BATCH = 40, 16
ROUNDED = "TensorFlow optimises a whole epoch otherwise than a step"


@dataclass(frozen=True)
class Example:
    """One script: `build` gives the compiled model, `arguments` what `fit` is given after `run` and `model`.

    `differs`: why its numbers are those of `keras.Model.fit` to rounding only, "" if they are to the bit; with the
    engine `fit` they always are. `callbacks` makes them anew.
    """

    name: str
    build: Callable[[], keras.Model]
    arguments: Callable[[], dict[str, Any]]
    callbacks: Callable[[], list[Any]] = list
    engine: str = "auto"
    epochs: int = 3
    quick: bool = False
    differs: str = ""
    policy: str = "float32"
    tags: tuple[str, ...] = field(default=())


def rng() -> np.random.Generator:
    """Return the same random numbers for every example."""
    return np.random.default_rng(0)


def images(size: int = 8, channels: int = 1) -> np.ndarray:
    """Images, float32 from 0 to 1."""
    return rng().random((EXAMPLES, size, size, channels)).astype("float32")


def labels(classes: int = 3) -> np.ndarray:
    """Whole numbers, one an image."""
    return rng().integers(0, classes, EXAMPLES)


def sequences() -> np.ndarray:
    """Sequences of words as whole numbers."""
    return rng().integers(1, 20, (EXAMPLES, 6))


WORDS = np.array(["the cat sat", "a dog ran", "the dog sat down", "a cat ran off"])


def compiled(
    model: keras.Model, optimizer: Any = "adam", loss: Any = "sparse_categorical_crossentropy", **more: Any
) -> Any:
    """Return `model`, compiled."""
    model.compile(optimizer, loss, **more)
    return model


def convnet() -> keras.Model:
    """Images to classes by convolutions, with dropout."""
    layers = [keras.Input((8, 8, 1)), L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(), L.Flatten(), L.Dropout(0.5)]
    return compiled(keras.Sequential([*layers, L.Dense(3, "softmax")]), metrics=["accuracy"])


def dense(optimizer: Any = "adam", **more: Any) -> keras.Model:
    """A small dense classifier of images."""
    layers = [keras.Input((8, 8, 1)), L.Flatten(), L.Dense(8, "relu"), L.Dense(3, "softmax")]
    return compiled(keras.Sequential(layers), optimizer, metrics=["accuracy"], **more)


def autoencoder() -> keras.Model:
    """Images to themselves."""
    layers = [keras.Input((8, 8, 1)), L.Conv2D(4, 3, padding="same", activation="relu"), L.MaxPooling2D(padding="same")]
    layers += [L.Conv2DTranspose(4, 3, strides=2, padding="same"), L.Conv2D(1, 3, padding="same", activation="sigmoid")]
    return compiled(keras.Sequential(layers), loss="binary_crossentropy")


def multi_input_output() -> keras.Model:
    """Title, body and tags to a priority and a department."""
    title, body, tags = keras.Input((6,), name="title"), keras.Input((6,), name="body"), keras.Input((4,), name="tags")
    words = L.Embedding(20, 4)
    joined = L.Concatenate()([L.LSTM(4)(words(title)), L.LSTM(4)(words(body)), tags])
    outputs = {"priority": L.Dense(1, name="priority")(joined), "department": L.Dense(3, name="department")(joined)}
    model = keras.Model([title, body, tags], outputs)
    losses = {
        "priority": keras.losses.BinaryCrossentropy(from_logits=True),
        "department": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }
    return compiled(model, "rmsprop", losses, loss_weights={"priority": 1.0, "department": 0.2})


def several() -> dict[str, Any]:
    """Inputs and outputs by name."""
    x = {"title": sequences(), "body": sequences()[::-1].copy(), "tags": rng().random((EXAMPLES, 4))}
    return {"x": x, "y": {"priority": rng().integers(0, 2, (EXAMPLES, 1)), "department": labels()}}


def lstm() -> keras.Model:
    """Words as numbers to one of two, in both directions."""
    layers = [keras.Input((None,), dtype="int32"), L.Embedding(20, 8), L.Bidirectional(L.LSTM(4))]
    return compiled(
        keras.Sequential([*layers, L.Dense(1, "sigmoid")]), loss="binary_crossentropy", metrics=["accuracy"]
    )


def text() -> keras.Model:
    """Strings to one of two: the vocabulary is in the model."""
    vectorize = L.TextVectorization(max_tokens=20, output_sequence_length=5)
    vectorize.adapt(WORDS)
    layers = [keras.Input((1,), dtype="string"), vectorize, L.Embedding(20, 4), L.GlobalAveragePooling1D()]
    return compiled(
        keras.Sequential([*layers, L.Dense(1, "sigmoid")]), loss="binary_crossentropy", metrics=["accuracy"]
    )


def transformer() -> keras.Model:
    """Words as numbers to one of two, by attention."""
    inputs = keras.Input((6,), dtype="int32")
    x = models.TokensAndPlaces(6, 20, 8)(inputs)
    x = L.LayerNormalization()(x + L.Dropout(0.1)(L.MultiHeadAttention(2, 4)(x, x)))
    x = L.LayerNormalization()(x + L.Dense(8)(L.Dense(8, "relu")(x)))
    outputs = L.Dense(2, "softmax")(L.Dropout(0.1)(L.GlobalAveragePooling1D()(x)))
    return compiled(keras.Model(inputs, outputs), metrics=["accuracy"])


def tabular() -> keras.Model:
    """Columns by name, of numbers and of words, to one of two."""
    age, kind = keras.Input((1,), name="age"), keras.Input((1,), name="kind", dtype="string")
    known = L.StringLookup(vocabulary=["fixed", "normal"], output_mode="one_hot")(kind)
    hidden = L.Dense(8, "relu")(L.Concatenate()([L.Normalization(mean=50.0, variance=100.0)(age), known]))
    outputs = L.Dense(1, "sigmoid")(L.Dropout(0.5)(hidden))
    return compiled(keras.Model({"age": age, "kind": kind}, outputs), loss="binary_crossentropy", metrics=["accuracy"])


def columns() -> dict[str, Any]:
    """A table by columns."""
    kinds = np.array(["fixed", "normal", "other"])[labels()]
    x = {"age": rng().normal(50, 10, (EXAMPLES, 1)), "kind": kinds.reshape(-1, 1)}
    return {"x": x, "y": labels(2), "validation_split": 0.25}


def unet() -> keras.Model:
    """Images to a class a pixel, with batch normalisation and a path around the middle."""
    inputs = keras.Input((8, 8, 3))
    down = L.Activation("relu")(L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(inputs)))
    middle = L.SeparableConv2D(4, 3, padding="same")(L.MaxPooling2D()(down))
    up = L.Concatenate()([L.UpSampling2D()(middle), down])
    return compiled(keras.Model(inputs, L.Conv2D(2, 3, padding="same", activation="softmax")(up)), "rmsprop")


def super_resolution() -> keras.Model:
    """Small images to large ones, by sub-pixels."""
    inputs = keras.Input((None, None, 1))
    x = L.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = models.DepthToSpace(2)(L.Conv2D(4, 3, padding="same")(x))
    return compiled(keras.Model(inputs, x), loss="mse")


def timeseries() -> keras.Model:
    """The next value of a series."""
    return compiled(keras.Sequential([keras.Input((5, 2)), L.LSTM(4), L.Dense(1)]), loss="mse")


def with_schedule() -> keras.Model:
    """A learning rate that follows a schedule, with weight decay."""
    rate = keras.optimizers.schedules.CosineDecay(0.01, 20, warmup_target=0.05, warmup_steps=3)
    return dense(keras.optimizers.AdamW(rate, weight_decay=1e-3))


def averaged() -> keras.Model:
    """Averaged weights."""
    return dense(keras.optimizers.Adam(use_ema=True, ema_momentum=0.9))


def own_metric() -> keras.Model:
    """A metric of the user's own."""
    return compiled(dense(), metrics=[models.TruePositives()])


def added_loss() -> keras.Model:
    """A loss that a layer adds."""
    layers = [keras.Input((8, 8, 1)), L.Flatten(), L.Dense(8), models.ActivityPenalty(0.1), L.Dense(3, "softmax")]
    return compiled(keras.Sequential(layers), metrics=["accuracy"])


def mixed() -> keras.Model:
    """Computes in half precision."""
    return dense()


def tf_data() -> dict[str, Any]:
    """A shuffled tf.data set, with one to validate on."""
    import tensorflow as tf

    whole = tf.data.Dataset.from_tensor_slices((images(), labels()))
    return {"x": whole.shuffle(EXAMPLES).batch(BATCH), "validation_data": whole.batch(BATCH)}


def windows() -> dict[str, Any]:
    """Windows of a series."""
    series = rng().normal(size=(60, 2)).astype("float32")
    dataset = keras.utils.timeseries_dataset_from_array(series, series[5:, :1], 5, batch_size=BATCH, shuffle=True)
    return {"x": dataset}


class Augmented(keras.utils.PyDataset):
    """Images in an order that changes at the end of every epoch, turned at random."""

    def __init__(self, **workers: Any) -> None:
        super().__init__(**workers)
        self.order, self.random = np.arange(EXAMPLES), np.random.default_rng(1)
        self.x, self.y = images(), labels()

    def __len__(self) -> int:
        return -(-EXAMPLES // BATCH)

    def __getitem__(self, index: int) -> Any:
        rows = self.order[index * BATCH : (index + 1) * BATCH]
        turned = self.x[rows][:, ::-1] if np.random.random() < 0.5 else self.x[rows]
        return turned, self.y[rows]

    def on_epoch_end(self) -> None:
        self.random.shuffle(self.order)


def endless() -> dict[str, Any]:
    """A generator of batches mixed at random (mixup)."""
    x, y = images(), keras.utils.to_categorical(labels(), 3)

    def batches() -> Iterator[Any]:
        while True:
            one, other = (np.random.permutation(EXAMPLES)[:BATCH] for _ in range(2))
            share = np.random.beta(0.2, 0.2)
            yield share * x[one] + (1 - share) * x[other], share * y[one] + (1 - share) * y[other]

    return {"x": batches(), "steps_per_epoch": 3}


def softened() -> keras.Model:
    """A classifier of classes that are mixed."""
    return compiled(dense(), loss="categorical_crossentropy", metrics=["accuracy"])


def classified(**more: Any) -> Callable[[], dict[str, Any]]:
    """Images with their classes."""
    return lambda: {"x": images(), "y": labels(), **more}


ALL = (
    Example("convnet", convnet, classified(validation_split=0.1), quick=True),
    Example(
        "autoencoder", autoencoder, lambda: {"x": images(), "y": images(), "validation_data": (images(), images())}
    ),
    Example("vae", models.vae, lambda: {"x": images()}, quick=True),
    Example("gan", models.gan, lambda: {"x": images()}, quick=True),
    Example("wgan-gp", models.wgan_gp, lambda: {"x": images()}),
    Example("siamese", models.siamese, lambda: {"x": (images(), images()[::-1].copy(), images() ** 2)}),
    Example("multi-input-output", multi_input_output, several, quick=True),
    Example("lstm", lstm, lambda: {"x": sequences(), "y": labels(2), "validation_data": (sequences(), labels(2))}),
    Example("text-from-strings", text, lambda: {"x": WORDS[labels(4)].reshape(-1, 1), "y": labels(4) % 2}, quick=True),
    Example("transformer", transformer, lambda: {"x": sequences(), "y": labels(2)}, differs=ROUNDED),
    Example("imbalanced", dense, classified(class_weight={0: 1.0, 1: 20.0}), quick=True),
    Example("tabular", tabular, columns),
    Example("distillation", models.distiller, classified(), differs=ROUNDED),
    Example("ema", averaged, classified()),
    Example("rate-schedule", with_schedule, classified()),
    Example(
        "rate-on-plateau",
        dense,
        classified(validation_split=0.2),
        lambda: models.patient_callbacks(),
        epochs=6,
        quick=True,
    ),
    Example("py-dataset", dense, lambda: {"x": Augmented()}, quick=True),
    Example("tf-data", dense, tf_data, quick=True),
    Example("timeseries", timeseries, windows),
    Example("segmentation", unet, lambda: {"x": images(channels=3), "y": rng().integers(0, 2, (EXAMPLES, 8, 8, 1))}),
    Example("super-resolution", super_resolution, lambda: {"x": images(4), "y": images(8)}),
    Example("mixup", softened, endless),
    Example("metric-learning", models.metric_learner, classified()),
    Example("mixed-precision", mixed, classified(), policy="mixed_bfloat16"),
    Example("own-metric", own_metric, classified(sample_weight=np.linspace(0.5, 2.0, EXAMPLES))),
    Example("added-loss", added_loss, classified(), quick=True),
)
BY_NAME = {example.name: example for example in ALL}
