from __future__ import annotations

import re

import keras
import numpy as np
import pytest

from hpcsweep.training import fit, seed_everything
from hpcsweep.training.engines.stacking import MAY_SAVE
from hpcsweep.training.programs import partial_epoch as parts
from hpcsweep.training.programs.backend import backend
from hpcsweep.worker.crew import Crew, run_as_crew
from tests.training import nets
from tests.training.harness import FakeRun, outcome
from tests.training.programs.test_partial_epoch import lies_within
from tests.training.test_runs import train

DATA = nets.images(320, 60)


def call(run: FakeRun, rate: float, build=nets.dense):
    """One call of a job, as a worker would make it."""

    def job(crew: Crew):
        run.crew = crew
        seed_everything(run.seed)
        return fit(run, build(keras.optimizers.Adam(rate)), DATA, batch_size=32)

    return job


def stack(
    *members: tuple[int, float], epochs: int = 3, build=nets.dense, engine: str = "stacked", **settings
) -> list[FakeRun]:
    """Train (seed, learning rate) members together."""
    runs = [FakeRun(epochs, seed=seed, engine=engine, **settings) for seed, _ in members]
    run_as_crew([call(run, rate, build) for run, (_, rate) in zip(runs, members, strict=True)])
    return runs


def stopped(members: list[tuple[int, float]], *, epochs: int, stop_after: int) -> list[list[bytes]]:
    """Return the checkpoints of members of a stack that was stopped."""
    kept: list[list[bytes]] = [[] for _ in members]
    runs = [
        FakeRun(epochs, seed=seed, engine="stacked", checkpoints=own, stop_after=stop_after)
        for own, (seed, _) in zip(kept, members, strict=True)
    ]
    run_as_crew([call(run, rate) for run, (_, rate) in zip(runs, members, strict=True)])
    return kept


def test_members_equal_the_runs_alone_within_rounding():
    """Each member of a stack has the fresh model, history and predictions of the run alone, up to rounding."""
    members = [(0, 0.001), (1, 0.01), (2, 0.003)]
    for run, (seed, rate) in zip(stack(*members), members, strict=True):
        alone = train(nets.at_rate(rate), 3, seed=seed, data=DATA)
        assert run.facts["initial_weights_sha256"] == alone.facts["initial_weights_sha256"]
        assert run.facts["engine"] == "stacked"
        assert run.facts["stacked"] is True
        assert run.facts["stack_order"] == "own"
        assert run.history["epoch"] == [0, 1, 2, 3]
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert run.history[name] == pytest.approx(alone.history[name], abs=2e-6)
        assert run.arrays["confusion_matrix"].tolist() == alone.arrays["confusion_matrix"].tolist()


def test_members_do_not_depend_on_the_others():
    """Other members, even one that diverges, change not a bit of a member's numbers."""
    one = stack((5, 0.01), (6, 0.001), (7, 0.002))[0]
    other = stack((5, 0.01), (8, 0.1), (9, 1e38))
    assert outcome(other[0]) == outcome(one)
    assert other[2].diverged
    assert other[2].history["epoch"][-1] < 3
    assert not other[0].diverged


@pytest.mark.parametrize("stopped", [False, True])
def test_a_member_that_diverges_begins_again_alone(stopped):
    """A member that diverges leaves the stack and ends as if trained alone by that rule; the others are undisturbed."""
    rule = {"halve": "learning_rate", "times": 3}
    members = [(5, 0.01), (6, 2e38), (7, 0.002)]  # halving 2e38 thrice does not help
    kept: list[list[bytes]] = [[] for _ in members]
    runs = stack(*members, epochs=4, on_divergence=rule)
    if stopped:
        for stop_after in (0, 1, 2, 1, 1, None):
            runs = [
                FakeRun(4, seed=seed, engine="stacked", on_divergence=rule, checkpoints=own, stop_after=stop_after)
                for own, (seed, _) in zip(kept, members, strict=True)
            ]
            run_as_crew([call(run, rate) for run, (_, rate) in zip(runs, members, strict=True)])
    undisturbed = stack(*members, epochs=4)
    for run, other in ((runs[0], undisturbed[0]), (runs[2], undisturbed[2])):
        assert run.history["loss"] == pytest.approx(other.history["loss"], abs=2e-6)
        assert stopped or outcome(run) == outcome(other)  # the stack that goes on is smaller, and may round differently
    alone = train(
        lambda: nets.dense(keras.optimizers.Adam(2e38)), 4, seed=6, data=DATA, on_divergence=rule, engine="compiled"
    )
    assert runs[1].facts["divergences"] == alone.facts["divergences"]
    assert str(outcome(runs[1])) == str(outcome(alone))
    assert runs[1].facts["stacked"] is False
    assert "diverged at epoch" in runs[1].facts["engine_reason"] or stopped


def test_a_stack_can_be_stopped_and_resumed():
    """A stopped stack goes on from its members' checkpoints and ends where the undisturbed one does."""
    members = [(0, 0.001), (1, 0.01)]
    whole = stack(*members, epochs=6)
    kept: list[list[bytes]] = [[], []]
    for stop_after in (1, 1, None):
        runs = [
            FakeRun(6, seed=seed, engine="stacked", checkpoints=kept[index], stop_after=stop_after)
            for index, (seed, _) in enumerate(members)
        ]
        run_as_crew([call(run, rate) for run, (_, rate) in zip(runs, members, strict=True)])
    assert [outcome(run) for run in runs] == [outcome(run) for run in whole]


@pytest.mark.parametrize("order", ["own", "shared"])
def test_a_stack_can_be_stopped_and_resumed_inside_an_epoch(order, monkeypatch):
    """A stack cut at random batches, of training and of validation, ends with the bits of the undisturbed one."""
    members, inside = [(0, 0.001), (1, 0.01)], 0
    kept: list[list[bytes]] = [[], []]
    monkeypatch.setattr("hpcsweep.training.loops.stack.takes_parts", lambda program: False)
    whole = stack(*members, epochs=4, stack_order=order)
    monkeypatch.setattr("hpcsweep.training.loops.stack.takes_parts", lambda program: True)
    monkeypatch.setattr(parts, "CALL_S", 1e-9)  # a call is one batch, an epoch eleven or twelve
    for stop_after in (3, 7, 10, 0, 5, None):
        runs = [
            FakeRun(4, seed=seed, engine="stacked", stack_order=order, checkpoints=kept[index], stop_after=stop_after)
            for index, (seed, _) in enumerate(members)
        ]
        run_as_crew([call(run, rate) for run, (_, rate) in zip(runs, members, strict=True)])
        inside += lies_within(kept[0][-1])
    assert inside > 2
    assert [outcome(run) for run in runs] == [outcome(run) for run in whole]


@pytest.mark.parametrize("left", [[0], [4], [1, 3], [4, 0, 2]])
def test_members_of_a_stack_go_on_without_the_others(left):
    """Whoever is there when a stack goes on keeps its seat, and ends with the bits of the undisturbed stack."""
    members = [(seed, 0.001) for seed in range(5)]
    whole, kept = stack(*members, epochs=6), stopped(members, epochs=6, stop_after=1)
    runs = [FakeRun(6, seed=seed, engine="stacked", checkpoints=kept[seed]) for seed in left]
    run_as_crew([call(run, 0.001) for run in runs])
    for run in runs:
        assert run.facts["stack_members"] == 5
        assert outcome(run) == outcome(whole[run.seed])


def test_a_stack_that_was_killed_while_it_made_its_first_checkpoints_is_the_same_again():
    """Members that have no checkpoint yet take the seats that those with one have left."""
    members = [(seed, 0.001) for seed in range(5)]
    whole, kept = stack(*members, epochs=6), stopped(members, epochs=6, stop_after=1)
    kept[1], kept[3] = [], []
    runs = [FakeRun(6, seed=seed, engine="stacked", checkpoints=kept[seed]) for seed in range(5)]
    run_as_crew([call(run, 0.001) for run in runs])
    assert [outcome(run) for run in runs] == [outcome(run) for run in whole]


def test_members_of_two_stacks_do_not_take_each_others_seats():
    """Runs that went on from two stacks, of one size and equally far, end as they would have in their own."""
    members = [(seed, 0.001) for seed in range(6)]
    halves = members[:3], members[3:]
    whole = [run for half in halves for run in stack(*half, epochs=4)]
    kept = [own for half in halves for own in stopped(half, epochs=4, stop_after=1)]
    runs = [FakeRun(4, seed=seed, engine="stacked", checkpoints=kept[seed]) for seed, _ in members]
    run_as_crew([call(run, 0.001) for run in runs])
    assert [outcome(run) for run in runs] == [outcome(run) for run in whole]


def test_a_run_that_a_stack_began_goes_on_in_a_stack():
    """Without a crew, as after a change of the sweep's engine, such a run goes on by itself and ends with its bits."""
    members = [(0, 0.001), (1, 0.01)]
    whole, kept = stack(*members, epochs=4), stopped(members, epochs=4, stop_after=1)
    for (seed, rate), own, expected in zip(members, kept, whole, strict=True):
        run = train(nets.at_rate(rate), 4, seed=seed, data=DATA, checkpoints=own)
        assert (run.facts["engine"], run.facts["stack_members"]) == ("stacked", 2)
        assert outcome(run) == outcome(expected)


def test_members_stop_early_each_at_its_own_epoch():
    """A stop rule ends each member where it would end alone."""
    rule = {"metric": "val_loss", "mode": "min", "patience": 1, "min_delta": 0.08}
    members = [(0, 0.001), (1, 0.02)]
    runs = stack(*members, epochs=25, stop=rule)
    for run, (seed, rate) in zip(runs, members, strict=True):
        alone = train(nets.at_rate(rate), 25, seed=seed, data=DATA, stop=rule)
        assert run.history["epoch"] == alone.history["epoch"]


def test_what_cannot_be_stacked_is_trained_alone():
    """Nets that cannot be stacked, and runs without a partner, are trained alone, with the same result as ever."""
    for run, seed in zip(stack((0, 0.001), (1, 0.001), build=nets.conv), (0, 1), strict=True):
        assert run.facts["engine"] == "compiled"
        assert outcome(run) == outcome(train(nets.conv, 3, seed=seed, data=DATA))
        assert re.search("conv2d", run.facts["engine_reason"], re.IGNORECASE)
    (lonely,) = stack((0, 0.001))
    assert lonely.facts["engine"] == "compiled"
    assert "no other run" in lonely.facts["engine_reason"]


def judged_by(loss, **options) -> keras.Model:
    """The dense net with another loss."""
    model = nets.dense()
    model.compile("adam", loss, metrics=["accuracy"], **options)
    return model


def sparing_biases() -> keras.Model:
    """The dense net with an optimizer that lets all weights decay but the biases."""
    optimizer = keras.optimizers.AdamW()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return nets.dense(optimizer)


CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy


@nets.tensorflow_only
@pytest.mark.parametrize(
    ("build", "named"),
    [
        (nets.conv, "Conv2D"),
        (nets.dropout, "Dropout"),
        (nets.regularised, "kernel_regularizer|regularised"),
        (nets.averaged, "use_ema"),
        (nets.functional, "Functional"),
        (lambda: nets.dense(keras.optimizers.Adam(global_clipnorm=1.0)), "global_clipnorm"),
        (lambda: nets.dense(keras.optimizers.Lamb()), "Lamb"),
        (lambda: judged_by(CROSSENTROPY(reduction="sum")), "not the mean"),
        (lambda: judged_by(CROSSENTROPY(ignore_class=0)), "not the mean"),
        (lambda: judged_by(CROSSENTROPY(), loss_weights=2.0), "loss_weights"),
        (sparing_biases, "excludes weights"),
    ],
)
def test_what_stands_in_the_way_is_named(build, named):
    """What cannot be stacked is refused by name."""
    seed_everything(0)
    model = build()
    model.optimizer.build(model.trainable_variables)
    from hpcsweep.training.on_tensorflow.stackable import NotStackableError, recipe

    with pytest.raises(NotStackableError, match=named):
        recipe(model, DATA)


@nets.jax_only
@pytest.mark.parametrize("build", [nets.dropout, nets.regularised, nets.functional])
def test_on_jax_any_net_can_be_stacked(build):
    """Random layers, layers that add to the loss and nets with branches are stacked too, each member as if alone."""
    members = [(0, 0.001), (1, 0.01)]
    for run, (seed, rate) in zip(stack(*members, build=build), members, strict=True):
        alone = train(nets.at_rate(rate, build), 3, seed=seed, data=DATA)
        assert run.facts["engine"] == "stacked"
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert run.history[name] == pytest.approx(alone.history[name], abs=2e-6)


@nets.jax_only
def test_what_cannot_be_stacked_on_jax_is_named():
    """Averaged weights, and convolutions on a CPU, are trained alone, and the record says why."""
    for build, named in ((nets.averaged, "use_ema"), (nets.conv, "conv2d")):
        runs = [FakeRun(1, seed=seed, engine="stacked") for seed in (0, 1)]
        run_as_crew([call(run, 0.01, lambda _, build=build: build()) for run in runs])
        assert re.search(named, runs[0].facts["engine_reason"])


def test_a_dtype_policy_holds_for_every_member():
    """The policy that a job file sets where it is loaded holds in all members, though these are threads."""
    found = []

    def build(optimizer):
        found.append(keras.config.dtype_policy().name)
        return nets.dense(optimizer)

    keras.config.set_dtype_policy("mixed_bfloat16")
    seed_everything(0)
    try:
        stack((0, 0.001), (1, 0.001), epochs=1, build=build)
    finally:
        keras.config.set_dtype_policy("float32")
        seed_everything(0)
    assert found == ["mixed_bfloat16"] * 2


def test_an_error_in_one_call_leaves_the_others_alone():
    """A job that raises before its fit does not keep the others from being trained together."""

    def broken(crew: Crew):
        raise RuntimeError("broken job")

    runs = [FakeRun(1, seed=seed, engine="stacked") for seed in (0, 1)]
    with pytest.raises(RuntimeError, match="broken job"):
        run_as_crew([call(runs[0], 0.001), broken, call(runs[1], 0.001)])
    assert [run.facts["engine"] for run in runs] == ["stacked", "stacked"]
    assert np.isfinite(runs[0].history["loss"][-1])


def test_members_on_a_gpu_say_what_memory_their_process_took(monkeypatch):
    """A stack's peak is that of the whole process, and each member's result has it."""
    monkeypatch.setattr(backend(), "device_memory_gb", lambda: 2.5)
    assert [run.facts["device_memory_gb"] for run in stack((0, 0.001), (1, 0.01), epochs=1)] == [2.5, 2.5]


def test_the_fastest_engine_stacks_nothing_that_is_too_short():
    """Where compiling a stack takes longer than it can save, "fastest" is "auto" to the bit, and says why."""
    members = [(0, 0.001), (1, 0.01)]
    for run, (seed, rate) in zip(stack(*members, engine="fastest"), members, strict=True):
        alone = train(nets.at_rate(rate), 3, seed=seed, data=DATA, engine="auto")
        assert outcome(run) == outcome(alone)
        assert run.facts["engine"] == alone.facts["engine"]
        assert "too few to pay for compiling a stack of 2" in run.facts["engine_reason"]


def test_a_stack_is_not_tried_where_it_could_not_save_its_compiling(monkeypatch):
    """Of runs that take a second in all, "fastest" does not compile a stack to find out that it would save a part."""
    monkeypatch.setattr("hpcsweep.training.engines.stacking.least_step_s", lambda trials: [1e-9 for _ in trials])
    (first, _) = stack((0, 0.001), (1, 0.01), engine="fastest", expected_epochs=10**6)
    assert not first.facts["stacked"]
    assert "too few to pay for a stack" in first.facts["engine_reason"]


@pytest.mark.parametrize(("stack_s", "pays"), [(1.9e-3, True), (1.91e-3, False)])
def test_the_fastest_engine_stacks_what_was_measured_to_gain(monkeypatch, stack_s: float, pays: bool):
    """A stack must save 5 % of the time of its members one after the other; that is measured once in a store."""
    measured: list[int] = []

    def least_step_s(trials):
        measured.append(len(trials))
        for trial in trials:
            trial.try_batches(2)  # what is trained for the measurement is no part of a run
        return [1e-3, stack_s]

    monkeypatch.setattr("hpcsweep.training.engines.stacking.XLA_PAYS_FROM_STEPS", 0)
    monkeypatch.setitem(MAY_SAVE, "own", 1e6)  # so that a few steps may pay
    monkeypatch.setattr("hpcsweep.training.engines.stacking.least_step_s", least_step_s)
    members, decisions = [(0, 0.001), (1, 0.01)], dict[str, dict[str, str]]()
    runs = [stack(*members, engine="fastest", decisions=decisions) for _ in range(2)]
    assert measured == [1, 2]
    others = (
        stack(*members) if pays else [train(nets.at_rate(r), 3, seed=s, data=DATA, engine="auto") for s, r in members]
    )
    for first, second, other in zip(*runs, others, strict=True):
        assert outcome(first) == outcome(second) == outcome(other)
        assert first.facts["stacked"] is pays
        assert f"measured: {1e3 * stack_s:.6f} ms per step of 2 runs in a stack" in first.facts["engine_reason"]


def test_the_fastest_engine_measures_a_stack():
    """What is measured is a time per step of both, and the verdict follows from it."""
    members = [(0, 0.001), (1, 0.01)]
    (first, _) = stack(*members, engine="fastest", expected_epochs=10**6)
    told = re.search(r"measured: ([\d.]+) ms per step of 2 runs in a stack, ([\d.]+) ms", first.facts["engine_reason"])
    assert told
    stack_ms, alone_ms = map(float, told.groups())
    assert first.facts["stacked"] is (2 * alone_ms > 1.05 * stack_ms)
