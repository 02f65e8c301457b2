"""How many workers a sweep wants: what `submit`, `resume`, `scale` and workers that end bring it up to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Union

from hpcsweep.errors import NewerFormatError, StoreError, shell
from hpcsweep.files import write_atomic
from hpcsweep.store.layout import Layout
from hpcsweep.store.reader import read_record, record_bytes

Number = Union[int, str, None]  # "each": one per trajectory; None: as many as make sense


@dataclass(frozen=True)
class Wanted:
    """The number of workers, and where it comes from.

    `asked` is what somebody has said by an option or `scale`, `instead_of` what the sweep or its profile said then: the
    wish holds until that is changed.
    """

    workers: int
    asked: Number = None
    instead_of: Number = None

    @property
    def wish(self) -> Number:
        """What is asked for."""
        return self.instead_of if self.asked is None else self.asked

    def now(self, given: Number) -> Wanted:
        """Return it as it is if the sweep or its profile now says `given`."""
        return self if self.instead_of == given else Wanted(self.workers, None, given)


def read_wanted(layout: Layout, sweep: str) -> Wanted | None:
    """Return how many workers a sweep wants; None if it was sent by a release that did not write it down, or never.

    StoreError if what is there cannot be read.
    """
    path = layout.wanted(sweep)
    try:
        record: dict[str, Any] = read_record(path)
        return Wanted(int(record["workers"]), record.get("asked"), record.get("instead_of"))
    except FileNotFoundError:
        return None
    except NewerFormatError:
        raise
    except (StoreError, ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"{path}: damaged; expected how many workers the sweep wants; remove it, and say it anew with --workers: "
            f"{shell('rm', path)}"
        ) from error


def write_wanted(layout: Layout, sweep: str, wanted: Wanted) -> None:
    """Keep how many workers a sweep wants; the newest word counts."""
    write_atomic(layout.wanted(sweep), record_bytes(asdict(wanted)))
