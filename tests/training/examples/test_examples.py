"""The quick ones of the examples, in one process; all of them by `python -m tests.training.examples`."""

from __future__ import annotations

import pytest

from tests.training import nets
from tests.training.examples.catalogue import ALL, Example
from tests.training.examples.runs import in_plain_keras, same, stopped_again_and_again, with_fit

pytestmark = nets.tensorflow_only
QUICK = [example for example in ALL if example.quick]


@pytest.mark.parametrize("example", QUICK, ids=lambda example: example.name)
def test_a_published_example_is_trained_as_keras_trains_it(example: Example) -> None:
    """History and weights are those of one call of `keras.Model.fit` on the same order, undisturbed and stopped."""
    _, whole = with_fit(example)
    assert same(whole, in_plain_keras(example))
    assert same(stopped_again_and_again(example), whole)
