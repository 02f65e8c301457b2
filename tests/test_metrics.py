"""Which way a metric is better by its name: right for all that Keras has, unknown where a name does not say."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.metrics import (
    STATISTICS,
    better,
    declaration,
    has_diverged,
    is_accuracy,
    merged,
    metrics_among,
    with_phases,
)

SHARED = {
    "cosine_similarity"
}  # a metric that is to grow and a loss that is to fall have this name: the metric is meant
SPLIT = {"dice", "tversky"}  # losses for Keras, scores for people
NEEDS: dict[str, dict[str, Any]] = {
    "MeanIoU": {"num_classes": 2},
    "OneHotMeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 1, 2]},
    "IoU": {"num_classes": 2, "target_class_ids": [0, 1]},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "TopKCategoricalAccuracy": {"k": 1},
    "SparseTopKCategoricalAccuracy": {"k": 1},
}


def predictions() -> Iterator[tuple[Any, Any, Any]]:
    """Give (truth, nearly right predictions, wrong ones) of tasks of several kinds."""
    yes = np.array([[0.0], [1.0]] * 4)
    yield yes, 0.8 * yes + 0.1, 0.9 - 0.8 * yes
    yield yes, yes, 1 - yes
    classes = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    yield classes, 0.7 * classes + 0.1, 0.7 * np.roll(classes, 1, axis=1) + 0.1
    yield classes.argmax(axis=1), 0.7 * classes + 0.1, 0.7 * np.roll(classes, 1, axis=1) + 0.1
    amounts = np.arange(1.0, 25.0).reshape(6, 4) ** 0.5
    yield amounts, amounts * 1.01, amounts[::-1, ::-1] * 2


def measured(kind: Any) -> str | None:
    """Return which way a metric or loss of Keras is better by its numbers, None if they do not tell it."""
    for truth, right, wrong in predictions():
        try:
            made = [kind(**NEEDS.get(kind.__name__, {})) for _ in range(2)]
            good, bad = (
                _value(one, truth, said.astype("float32")) for one, said in zip(made, (right, wrong), strict=True)
            )
        except Exception:
            continue  # a metric of another kind of task
        if math.isfinite(good) and math.isfinite(bad) and good != bad:
            return "max" if good > bad else "min"
    return None


def _value(made: Any, truth: Any, said: Any) -> float:
    if hasattr(made, "update_state"):
        made.update_state(truth, said)
        return float(np.mean(made.result()))
    return float(made(truth, said))


def default_name(kind: Any) -> str:
    """Return the name under which Keras logs a metric or loss that was given none."""
    return str(kind(**NEEDS.get(kind.__name__, {})).name)


def kinds(module: Any, base: Any) -> list[Any]:
    """Return the classes of a module of Keras that measure something."""
    found = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, base)]
    return [kind for kind in found if kind.__name__ not in {"Metric", "Loss", "Mean", "Sum", "MeanMetricWrapper"}]


def test_every_metric_of_keras_has_the_direction_that_its_numbers_have() -> None:
    """Each metric of Keras, under its default name and its class's, is better the way it moves when a net is right."""
    import keras

    found = {kind: measured(kind) for kind in kinds(keras.metrics, keras.metrics.Metric)}
    assert len(found) > 35
    assert [kind.__name__ for kind, way in found.items() if way is None] == []
    assert {kind.__name__: (better(default_name(kind)), better(kind.__name__)) for kind in found} == {
        kind.__name__: (way, way) for kind, way in found.items()
    }


def test_every_loss_of_keras_is_to_fall_or_unknown() -> None:
    """A loss that is logged as a metric is better the smaller it is; two that are called like scores are unknown."""
    import keras

    for kind in kinds(keras.losses, keras.losses.Loss):
        name = default_name(kind)
        if name in SHARED:
            assert better(name) == "max"
        elif name in {"ctc", "circle"}:  # are of sequences and of embeddings
            assert better(name) == "min"
        else:
            assert (name, measured(kind)) == (name, "min")
            assert (name, better(name)) == (name, None if name in SPLIT else "min")


def test_the_short_names_that_compile_takes_are_known_too() -> None:
    """What `compile(metrics=["mse"])` logs, the text itself, has the direction of the metric behind it."""
    import keras
    from keras.src.metrics import ALL_OBJECTS_DICT

    for alias, kind in ALL_OBJECTS_DICT.items():
        if inspect.isclass(kind) and kind in kinds(keras.metrics, keras.metrics.Metric):
            assert (alias, better(alias)) == (alias, better(default_name(kind)))
    assert (better("acc"), better("rmse"), better("kld"), better("f1"), better("r2")) == (
        "max",
        "min",
        "min",
        "max",
        "max",
    )


@given(
    name=st.sampled_from(
        ["accuracy", "auc", "loss", "mean_io_u", "mean_squared_error", "f1_score", "cosine_similarity"]
    ),
    prefix=st.sampled_from(["", *(f"{statistic}_" for statistic in STATISTICS), "final_", "run_final_"]),
    val=st.sampled_from(["", "val_"]),
    number=st.sampled_from(["", "_1", "_12"]),
)
def test_a_summary_has_the_direction_of_its_metric(name: str, prefix: str, val: str, number: str) -> None:
    """Neither the statistic in front, nor `val_`, nor the number that Keras adds changes which way is better."""
    assert better(f"{prefix}{val}{name}{number}") == better(name) is not None


UNKNOWN = """score dice incorrect accuracy_drop loss_scale brier_score neg_mean_squared_error std_accuracy layers epochs
    mean reached_epoch in_circle learning_rate gap error_of epochs_to(val_accuracy>=0.8)"""


@pytest.mark.parametrize("name", UNKNOWN.split())
def test_a_name_that_does_not_say_is_unknown(name: str) -> None:
    """A direction is never guessed: what only contains a known word, or is turned round by another, has none."""
    assert better(name) is None


@given(way=st.sampled_from(["max", "min"]), said=st.sampled_from(["dice", "val_dice"]))
def test_what_is_declared_holds_with_and_without_val(way: Any, said: str) -> None:
    """One line of [metrics] covers the metric on both parts of the data, its summaries and its further instances."""
    for name in ("dice", "val_dice", "max_val_dice", "last_dice", "dice_2", "mean_val_dice_2"):
        assert better(name, {said: way}) == way
    assert better("dice_2", {said: way, "dice_2": "min"}) == "min"
    assert better("dice_score", {said: way}) is None


@pytest.mark.parametrize("said", ["dice", "val_dice"])
@pytest.mark.parametrize("name", ["dice", "val_dice", "head_dice", "fine_val_dice", "max_fine_val_dice", "fine_dice_1"])
def test_what_is_declared_holds_in_every_phase(said: str, name: str) -> None:
    """[metrics] dice also means the columns of phases; a phase that is declared itself keeps its own direction."""
    declared = with_phases({said: "max"}, ("head", "fine"))
    assert better(name, declared) == "max"
    assert better("z_dice", declared) is None
    assert better("fine_val_dice", with_phases({said: "max", "fine_dice": "min"}, ("fine",))) == "min"


def test_the_user_knows_better_than_the_name() -> None:
    """A declared direction comes before what the name says."""
    assert better("val_accuracy", {"accuracy": "min"}) == "min"


def test_sweeps_that_contradict_each_other_leave_a_direction_unknown() -> None:
    """What one sweep calls better and another worse is unknown for both together, even if the name seems to tell."""
    together = merged([{"dice": "max", "auc": "max"}, {"val_dice": "min"}, {"gain": "max"}])
    assert (better("val_dice", together), better("auc", together), better("gain", together)) == (None, "max", "max")
    assert better("loss", merged([{"loss": "max"}, {"loss": "min"}])) is None


def test_what_to_type_is_toml() -> None:
    """The line that a refusal tells to type declares the metric, whatever is in its name."""
    import tomllib

    for name in ("val_dice", "recall@5", "top 5"):
        typed = declaration(name).replace("[metrics] ", "[metrics]\n").replace(' or "min"', "")
        assert better(name, tomllib.loads(typed)["metrics"]) == "max"


def test_a_loss_that_is_no_number_is_divergence() -> None:
    """A loss of NaN or infinity is divergence, another metric's is not."""
    assert has_diverged({"loss": math.nan})
    assert has_diverged({"loss": 1.0, "val_loss": -math.inf})
    assert not has_diverged({"loss": 1.0, "auc": math.nan})


def test_only_accuracies_are_shares_of_right_answers() -> None:
    """`is_accuracy` is said of accuracies and their summaries, and of nothing made from one."""
    names = ["accuracy", "max_val_sparse_categorical_accuracy", "accuracy_1", "epochs_to(accuracy>=1)", "accuracy_loss"]
    assert [is_accuracy(name) for name in names] == [True, True, True, False, False]
    assert metrics_among(["epoch", "loss", "seconds"]) == ["loss"]
