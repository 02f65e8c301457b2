"""What training will cost, from what it has cost: nothing is claimed that the measurements do not bear."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.launch.cost import Costs, Measurement

# seconds of an epoch of dense nets on MNIST, batch size 32, one core, as `hpcsweep run` recorded them
MNIST = {
    (1, 8): 0.46, (1, 16): 0.62, (1, 64): 0.62, (1, 256): 1.91, (1, 512): 3.86, (2, 8): 0.44, (2, 16): 0.49,
    (2, 64): 0.72, (2, 256): 2.36, (2, 512): 2.83, (3, 8): 0.58, (3, 16): 0.76, (3, 64): 1.40, (3, 256): 4.60,
    (3, 512): 4.17,
}  # fmt: skip


def _params(layers: int, neurons: int, **more: Any) -> dict[str, Any]:
    return {"dataset": "mnist", "layers": layers, "neurons": neurons, "batch_size": 32, "epochs": 10, **more}


def _costs(widest: int) -> Costs:
    return Costs([Measurement(_params(*net), time_s) for net, time_s in MNIST.items() if net[1] <= widest])


def test_nets_hundreds_of_times_larger_are_not_taken_for_small_ones() -> None:
    """Nets of 8 and 16 neurons predict those of 64 to 512: the truth lies in the span, its middle within 3 times."""
    costs = _costs(16)
    for (layers, neurons), time_s in MNIST.items():
        span = costs.epoch(_params(layers, neurons), has_gpu=False)
        assert span.low < time_s < span.high
        assert span.likely / 3 < time_s < span.likely * 3


@given(st.integers(17, 10_000))
def test_the_farther_away_the_less_certain(neurons: int) -> None:
    """A span is wider where less is known: beyond what was measured, with other data, on a GPU."""
    costs = _costs(16)

    def width(has_gpu: bool = False, **params: Any) -> float:
        span = costs.epoch(_params(2, **params), has_gpu=has_gpu)
        return span.high / span.low

    assert width(neurons=16) < width(neurons=neurons) < width(neurons=2 * neurons)
    assert width(neurons=16, optimizer="sgd") < width(neurons=16, dataset="imagenet")
    assert width(neurons=16) < width(neurons=16, has_gpu=True)


def test_what_was_measured_again_and_again_is_known() -> None:
    """Many equal runs leave only what differs from run to run: less than twice in either direction."""
    span = Costs([Measurement(_params(2, 64), 5.0)] * 50).epoch(_params(2, 64), has_gpu=False)
    assert 2.5 < span.low < span.likely < span.high < 10
    assert abs(span.likely - 5.0) < 0.1
