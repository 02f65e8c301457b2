"""Long epochs: trained in parts, stopped and kept inside, and still the same to the bit."""

from __future__ import annotations

import math
import random

import keras
import pytest

from hpcsweep.errors import StoreError, UsageError
from hpcsweep.store.array_bytes import pack_state, unpack_state
from hpcsweep.training import fit, seed_everything
from hpcsweep.training.programs import partial_epoch as parts
from tests.training import nets
from tests.training.harness import FakeRun, outcome
from tests.training.test_runs import train


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
    (nets.conv, "fit"),
    (nets.dropout, "fit"),
    (nets.batch_norm, "fit"),
    (nets.averaged, "fit"),
    (nets.subclass, "fit"),
]


@pytest.mark.parametrize(("build", "engine"), CASES)
def test_epochs_in_parts_equal_whole_epochs(build, engine, monkeypatch):
    """Whole epochs, several a call, and epochs cut at random batches and stopped there, have the same bits."""
    monkeypatch.setattr("hpcsweep.training.loops.single.takes_parts", lambda program: False)
    whole = train(build, 5, engine=engine)
    monkeypatch.setattr("hpcsweep.training.loops.single.takes_parts", lambda program: True)
    chance, inside = random.Random(build.__name__), 0
    kept: list[bytes] = []
    while not kept or unpack_state(kept[-1])["epoch"] < 5 or lies_within(kept[-1]):
        # one batch a call, or 1, 8 and the rest: whichever, however fast the machine is
        monkeypatch.setattr(parts, "CALL_S", chance.choice([1e-9, 1e-9, 60.0]))
        run = train(build, 5, engine=engine, checkpoints=kept, stop_after=chance.randint(0, 9))
        inside += lies_within(kept[-1])
    assert inside > 1
    assert outcome(run) == outcome(whole)


@pytest.mark.parametrize("engine", ["fit", "compiled"])
def test_weighted_examples_count_the_same_in_parts(engine, monkeypatch):
    """With weights for the examples, trained on and validated, epochs cut into single batches have the same bits."""
    data = nets.weighted(nets.images())
    monkeypatch.setattr("hpcsweep.training.loops.single.takes_parts", lambda program: False)
    whole = train(nets.dense, 3, engine=engine, data=data)
    monkeypatch.setattr("hpcsweep.training.loops.single.takes_parts", lambda program: True)
    monkeypatch.setattr(parts, "CALL_S", 1e-9)
    assert outcome(train(nets.dense, 3, engine=engine, data=data)) == outcome(whole)


@pytest.mark.usefixtures("short_parts")
def test_keras_callbacks_see_whole_epochs():
    """Epochs are not cut under callbacks, for whom each part would be an epoch; nor do runs go on with new ones."""
    kept: list[bytes] = []
    train(nets.dense, 3, engine="fit", checkpoints=kept, stop_after=4)
    assert lies_within(kept[-1])
    ended: list[int] = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ended.append(epoch))
    seed_everything(0)
    fit(FakeRun(3, seed=0), nets.dense(), nets.images(), callbacks=(callback,))
    assert len(ended) == 3
    seed_everything(0)
    with pytest.raises(UsageError, match="made with the callbacks none"):
        fit(FakeRun(3, seed=0, checkpoints=kept), nets.dense(), nets.images(), callbacks=(callback,))


@pytest.mark.usefixtures("short_parts")
def test_a_stop_rule_and_divergence_hold_in_parts():
    """Early stopping ends a run that is trained in parts at the same epoch as one trained in whole epochs."""
    rule = {"metric": "val_loss", "mode": "min", "patience": 1, "min_delta": 0.05}
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
    assert whole["state"].pop("began")["epochs"] == 2
    assert whole["state"].keys() == {"format", "engine", "epoch", "variables", "divergences"}
    assert whole["state"]["format"] == 1
    assert {name.partition("/")[0] for name in whole["state"]["variables"]} == {"model", "optimizer"}
    before = [pack_state(whole, generation=1, epoch=2)]
    assert outcome(train(nets.dense, 4, checkpoints=before)) == outcome(train(nets.dense, 4))
    whole["state"]["format"] = 3
    with pytest.raises(StoreError, match="format 3; expected 1 or 2"):
        train(nets.dense, 4, checkpoints=[pack_state(whole, generation=1, epoch=2)])
