"""The one switch of the tricks: the same bits without them, and the record says which it was."""

from __future__ import annotations

import pytest

from hpcsweep.training.programs import cache as programs
from tests.training import nets
from tests.training.harness import outcome
from tests.training.test_runs import train

pytestmark = nets.tensorflow_only
pytest.importorskip("tensorflow", reason="tricks for Keras on TensorFlow")


@pytest.fixture
def tricks(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The tricks that were used since, in nets and data that are large enough for all of them."""
    from hpcsweep.training.on_tensorflow import program
    from hpcsweep.training.on_tensorflow.faster import flat_updates, narrow_products, prefetch_rows

    monkeypatch.setattr(narrow_products, "LEAST_INPUTS", 64)
    monkeypatch.setattr(flat_updates, "NEURONS", range(8, 32))
    monkeypatch.setattr(flat_updates, "LEAST_NUMBERS", 64)
    monkeypatch.setattr(prefetch_rows, "FETCHED_ROW_BYTES", range(64, 65))
    monkeypatch.setattr(prefetch_rows, "CACHED_BYTES", 0)
    monkeypatch.setattr(programs, "shared_programs", programs.Programs())  # none that was traced otherwise
    used: set[str] = set()

    def watch(module, name):
        genuine = getattr(module, name)

        def watched(*given):
            used.add(name)
            return genuine(*given)

        monkeypatch.setattr(module, name, watched)

    watch(narrow_products, "swapped_product")
    watch(flat_updates, "update_flat")
    watch(program, "fetched")
    return used


def test_without_the_tricks_a_run_has_the_same_bits_and_says_so(tricks):
    """`faster = false` leaves out every trick, changes no bit of history or weights, and is in the record."""
    plain = train(nets.dense, 3, engine="compiled-xla", faster=False)
    assert tricks == set()
    assert plain.facts["faster"] is False
    faster = train(nets.dense, 3, engine="compiled-xla")
    assert tricks == {"swapped_product", "update_flat", "fetched"}
    assert faster.facts["faster"] is True
    assert outcome(faster) == outcome(plain)


def test_what_xla_does_not_compile_has_no_tricks(tricks):
    """The other engines never use one, and their record says so, whatever the sweep file allows."""
    for engine in ("fit", "compiled"):
        assert train(nets.dense, 1, engine=engine).facts["faster"] is False
    assert tricks == set()
