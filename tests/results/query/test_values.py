"""What a table shows of a run where nobody said what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hpcsweep.results.query.values import default_value
from tests.made_results import results_of


@pytest.mark.parametrize(
    ("metrics", "returned", "declared", "shown"),
    [
        (("accuracy", "loss", "val_auc"), (), {}, "last_val_auc"),
        (("val_loss", "val_accuracy"), (), {}, "last_val_accuracy"),
        (("val_accuracy", "val_dice"), (), {"dice": "max"}, "last_val_dice"),
        (("loss", "val_loss", "dice"), (), {"dice": "max"}, "last_dice"),
        (("loss",), ("error",), {}, "error"),
        (("loss",), ("size",), {}, "last_loss"),
        (("accuracy",), ("test_accuracy",), {}, "last_accuracy"),
        ((), ("size", "test_accuracy"), {}, "size"),
        ((), ("test_accuracy",), {}, "test_accuracy"),
        ((), (), {}, "time_s"),
    ],
)
def test_validation_stands_for_a_run_before_training_and_never_a_test(
    metrics: tuple[str, ...], returned: tuple[str, ...], declared: Any, shown: str
) -> None:
    """[metrics] is heard first, then validation, what was returned, training; without a direction, and tests, last."""
    columns = {**{f"last_{name}": 0.5 for name in metrics}, **dict.fromkeys(returned, 0.5)}
    results = results_of([{"a": n, **columns} for n in range(2)], ["a"])
    assert default_value(replace(results, metrics=metrics, returned=returned, directions=declared)) == shown
