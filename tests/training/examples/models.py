"""Models and layers of the examples' own: those that a script defines for itself."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

L, ops = keras.layers, keras.ops
LATENT = 2


class TokensAndPlaces(keras.layers.Layer):
    """The sum of what a word means and where it stands."""

    def __init__(self, length: int, words: int, width: int) -> None:
        super().__init__()
        self.tokens, self.places, self.length = L.Embedding(words, width), L.Embedding(length, width), length

    def call(self, x: Any) -> Any:
        return self.tokens(x) + self.places(ops.arange(self.length))


class DepthToSpace(keras.layers.Layer):
    """Channels become pixels."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def call(self, x: Any) -> Any:
        return tf.nn.depth_to_space(x, self.size)


class ActivityPenalty(keras.layers.Layer):
    """Adds a loss for large outputs."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def call(self, x: Any) -> Any:
        self.add_loss(self.rate * ops.mean(ops.square(x)))
        return x


class TruePositives(keras.metrics.Metric):
    """Counts what was classified right, weighted."""

    def __init__(self, name: str = "right") -> None:
        super().__init__(name=name)
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y: Any, predicted: Any, sample_weight: Any = None) -> None:
        right = ops.cast(ops.equal(ops.cast(y, "int64"), ops.cast(ops.argmax(predicted, axis=1), "int64")), "float32")
        self.count.assign_add(ops.sum(right if sample_weight is None else right * ops.cast(sample_weight, "float32")))

    def result(self) -> Any:
        return self.count

    def reset_state(self) -> None:
        self.count.assign(0.0)


class Sampling(keras.layers.Layer):
    """Draws a latent point."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator(1337)

    def call(self, inputs: Any) -> Any:
        mean, log_variance = inputs
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.seeds)


class Vae(keras.Model):
    """A variational autoencoder: no `call`, a step of its own."""

    def __init__(self, encoder: Any, decoder: Any) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.total = keras.metrics.Mean(name="loss")
        self.divergence = keras.metrics.Mean(name="divergence")

    @property
    def metrics(self) -> list[Any]:
        return [self.total, self.divergence]

    def train_step(self, data: Any) -> Any:
        with tf.GradientTape() as tape:
            mean, log_variance, point = self.encoder(data)
            again = self.decoder(point)
            rebuilt = ops.mean(ops.sum(keras.losses.binary_crossentropy(data, again), axis=(1, 2)))
            divergence = ops.mean(-0.5 * ops.sum(1 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=1))
            total = rebuilt + divergence
        gradients = tape.gradient(total, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.total.update_state(total)
        self.divergence.update_state(divergence)
        return {"loss": self.total.result(), "divergence": self.divergence.result()}


def vae() -> keras.Model:
    """A variational autoencoder of small images."""
    inputs = keras.Input((8, 8, 1))
    x = L.Dense(8, "relu")(L.Flatten()(inputs))
    mean, log_variance = L.Dense(LATENT)(x), L.Dense(LATENT)(x)
    encoder = keras.Model(inputs, [mean, log_variance, Sampling()([mean, log_variance])])
    decoder = keras.Sequential([keras.Input((LATENT,)), L.Dense(64, "sigmoid"), L.Reshape((8, 8, 1))])
    model = Vae(encoder, decoder)
    model.compile(keras.optimizers.Adam())
    return model


class Gan(keras.Model):
    """Two nets against each other, with an optimizer each, which Keras does not list among the model's variables."""

    def __init__(self, discriminator: Any, generator: Any) -> None:
        super().__init__()
        self.discriminator, self.generator = discriminator, generator
        self.seeds = keras.random.SeedGenerator(1337)
        self.d_loss, self.g_loss = keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name="g_loss")

    def compile(self, d_optimizer: Any, g_optimizer: Any) -> None:
        super().compile()
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    @property
    def metrics(self) -> list[Any]:
        return [self.d_loss, self.g_loss]

    def d_step(self, real: Any) -> Any:
        points = keras.random.normal((ops.shape(real)[0], LATENT), seed=self.seeds)
        with tf.GradientTape() as tape:
            true, false = self.discriminator(real), self.discriminator(self.generator(points))
            loss = self.loss_fn(ops.ones_like(true), true) + self.loss_fn(ops.zeros_like(false), false)
        gradients = tape.gradient(loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(gradients, self.discriminator.trainable_weights, strict=True))
        return loss

    def train_step(self, real: Any) -> Any:
        self.d_loss.update_state(self.d_step(real))
        points = keras.random.normal((ops.shape(real)[0], LATENT), seed=self.seeds)
        with tf.GradientTape() as tape:
            answers = self.discriminator(self.generator(points))
            loss = self.loss_fn(ops.ones_like(answers), answers)
        gradients = tape.gradient(loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(gradients, self.generator.trainable_weights, strict=True))
        self.g_loss.update_state(loss)
        return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}


class WganGp(Gan):
    """The same with Wasserstein's loss and a penalty on the gradient, several steps of one net for one of the other."""

    def d_step(self, real: Any) -> Any:
        for _ in range(2):
            count = ops.shape(real)[0]
            points = keras.random.normal((count, LATENT), seed=self.seeds)
            share = keras.random.uniform((count, 1, 1, 1), seed=self.seeds)
            with tf.GradientTape() as tape:
                made = self.generator(points)
                between = share * real + (1 - share) * made
                with tf.GradientTape() as inner:
                    inner.watch(between)
                    answers = self.discriminator(between)
                slope = ops.sqrt(ops.sum(ops.square(inner.gradient(answers, between)), axis=(1, 2, 3)) + 1e-12)
                loss = ops.mean(self.discriminator(made)) - ops.mean(self.discriminator(real))
                loss += 10.0 * ops.mean(ops.square(slope - 1.0))
            gradients = tape.gradient(loss, self.discriminator.trainable_weights)
            self.d_optimizer.apply_gradients(zip(gradients, self.discriminator.trainable_weights, strict=True))
        return loss


def _two_nets() -> tuple[Any, Any]:
    discriminator = [keras.Input((8, 8, 1)), L.Conv2D(4, 3, strides=2), L.LeakyReLU(), L.Flatten(), L.Dense(1)]
    generator = [keras.Input((LATENT,)), L.Dense(64, "sigmoid"), L.Reshape((8, 8, 1))]
    return keras.Sequential(discriminator), keras.Sequential(generator)


def gan(kind: type[Gan] = Gan) -> keras.Model:
    """Two nets, compiled with an optimizer each."""
    model = kind(*_two_nets())
    model.compile(keras.optimizers.Adam(3e-3), keras.optimizers.Adam(1e-3))
    return model


def wgan_gp() -> keras.Model:
    """The same by Wasserstein's loss."""
    return gan(WganGp)


class Siamese(keras.Model):
    """Distances of an anchor to what is like it and what is not."""

    def __init__(self, embedding: Any) -> None:
        super().__init__()
        self.embedding = embedding
        self.loss_tracker = keras.metrics.Mean(name="loss")

    def call(self, inputs: Any) -> Any:
        anchor, like, unlike = (self.embedding(part) for part in inputs)
        return ops.sum(ops.square(anchor - like), axis=-1), ops.sum(ops.square(anchor - unlike), axis=-1)

    def _loss(self, data: Any) -> Any:
        like, unlike = self(data[0] if len(data) == 1 else data)
        return ops.mean(ops.maximum(like - unlike + 0.5, 0.0))

    def train_step(self, data: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = self._loss(data)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def test_step(self, data: Any) -> Any:
        self.loss_tracker.update_state(self._loss(data))
        return {"loss": self.loss_tracker.result()}

    @property
    def metrics(self) -> list[Any]:
        return [self.loss_tracker]


def siamese() -> keras.Model:
    """A net of distances, whose embedding is batch-normalised."""
    layers = [keras.Input((8, 8, 1)), L.Flatten(), L.Dense(8, "relu"), L.BatchNormalization(), L.Dense(4)]
    model = Siamese(keras.Sequential(layers))
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    return model


class Distiller(keras.Model):
    """A small net that learns from the answers of a large one as well."""

    def __init__(self, student: Any, teacher: Any) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher
        self.teacher.trainable = False

    def call(self, x: Any) -> Any:
        return self.student(x)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, **_: Any
    ) -> Any:
        soft = ops.softmax(self.teacher(x, training=False) / 3.0)
        hard = super().compute_loss(x, y, y_pred, sample_weight)
        return 0.1 * hard + 0.9 * ops.mean(keras.losses.kl_divergence(soft, ops.softmax(y_pred / 3.0)))


def distiller() -> keras.Model:
    """A student and its teacher."""

    def net(width: int) -> Any:
        return keras.Sequential([keras.Input((8, 8, 1)), L.Flatten(), L.Dense(width, "relu"), L.Dense(3)])

    model = Distiller(net(4), net(16))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


class MetricLearner(keras.Model):
    """Brings images of one class together: the loss is over pairs in the batch."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            near = ops.normalize(self(x, training=True), axis=-1)
            alike = ops.cast(ops.equal(ops.expand_dims(y, 0), ops.expand_dims(y, 1)), "float32")
            loss = ops.mean(keras.losses.binary_crossentropy(alike, ops.matmul(near, ops.transpose(near)), True))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss": loss}


def metric_learner() -> keras.Model:
    """An embedding of images."""
    inputs = keras.Input((8, 8, 1))
    model = MetricLearner(inputs, L.Dense(4)(L.Flatten()(inputs)))
    model.compile("adam")
    return model


def patient_callbacks() -> list[Any]:
    """Keras's own: a rate that falls, an early end, the best weights back."""
    return [
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=0.05),
        keras.callbacks.EarlyStopping("val_loss", patience=3, min_delta=0.02, restore_best_weights=True),
    ]
