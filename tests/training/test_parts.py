"""Long epochs: trained in parts, stopped and kept inside, and still the same to the bit."""

from __future__ import annotations

import math
import random

import pytest

from hpcsweep.errors import StoreError
from hpcsweep.store.state_tree import pack_state, unpack_state
from hpcsweep.training import parts
from tests.training import nets
from tests.training.test_runs import outcome, train


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every epoch a long one: a call is one batch."""
    monkeypatch.setattr(parts, "CALL_S", 1e-9)
    monkeypatch.setattr(parts, "LONG_EPOCH_S", 0.0)


def lies_within(packed: bytes) -> bool:
    """Whether a checkpoint lies inside an epoch."""
    return "within" in unpack_state(packed)["state"]


CASES = [
    (nets.dense, "compiled"),
    (nets.dense, "compiled-xla"),
    (nets.conv, "compiled"),
    (nets.dropout, "compiled"),
    (nets.dropout, "compiled-xla"),
    (nets.batch_norm, "compiled"),
    (nets.batch_norm, "compiled-xla"),
]


@pytest.mark.parametrize(("build", "engine"), CASES)
def test_epochs_in_parts_equal_whole_epochs(build, engine, monkeypatch):
    """Whole epochs, several a call, and epochs cut at random batches and stopped there, have the same bits."""
    monkeypatch.setattr("hpcsweep.training.loop.takes_parts", lambda program: False)
    whole = train(build, 5, engine=engine)
    monkeypatch.setattr("hpcsweep.training.loop.takes_parts", lambda program: True)
    chance, kept, inside = random.Random(build.__name__), [], 0
    while not kept or unpack_state(kept[-1])["epoch"] < 5 or lies_within(kept[-1]):
        # one batch a call, or 1, 8 and the rest: whichever, however fast the machine is
        monkeypatch.setattr(parts, "CALL_S", chance.choice([1e-9, 1e-9, 60.0]))
        run = train(build, 5, engine=engine, checkpoints=kept, stop_after=chance.randint(0, 9))
        inside += lies_within(kept[-1])
    assert inside > 1
    assert outcome(run) == outcome(whole)


@pytest.mark.usefixtures("short_parts")
def test_a_stop_rule_and_divergence_hold_in_parts():
    """Early stopping ends a run that is trained in parts at the same epoch as one trained in whole epochs."""
    rule = {"metric": "val_loss", "patience": 1, "min_delta": 0.05}
    in_parts = train(nets.dense, 30, stop=rule)
    parts.LONG_EPOCH_S = math.inf
    assert outcome(train(nets.dense, 30, stop=rule)) == outcome(in_parts)
    assert in_parts.history["epoch"][-1] < 30


@pytest.mark.usefixtures("short_parts")
def test_a_run_is_not_given_the_inside_of_an_epoch_beyond_its_end():
    """A checkpoint inside epoch 3 is of no use to a run of two epochs, which equals the one trained alone."""
    kept: list[bytes] = []
    train(nets.dense, 9, checkpoints=kept, stop_after=2 * 9 + 4)
    assert lies_within(kept[-1])
    assert unpack_state(kept[-1])["epoch"] == 3
    assert outcome(train(nets.dense, 2, checkpoints=kept)) == outcome(train(nets.dense, 2))


@nets.tensorflow_only
def test_checkpoints_of_before_still_load():
    """A checkpoint from before epochs had parts and Keras backends is gone on from; an unknown format is refused."""
    kept: list[bytes] = []
    train(nets.dense, 2, checkpoints=kept)
    whole = unpack_state(kept[-1])
    assert whole["state"].pop("backend") == "tensorflow"
    assert whole["state"].keys() == {"format", "engine", "epoch", "variables", "divergences"}
    assert whole["state"]["format"] == 1
    assert {name.partition("/")[0] for name in whole["state"]["variables"]} == {"model", "optimizer"}
    before = [pack_state(whole, generation=1, epoch=2)]
    assert outcome(train(nets.dense, 4, checkpoints=before)) == outcome(train(nets.dense, 4))
    whole["state"]["format"] = 3
    with pytest.raises(StoreError, match="format 3; expected 1 or 2"):
        train(nets.dense, 4, checkpoints=[pack_state(whole, generation=1, epoch=2)])
