"""Why a submission was stopped: its job cannot begin, or be ranked, so its workers begin nothing more."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from hpcsweep.errors import StoreError
from hpcsweep.files import publish
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.reader import read_record, record_bytes

UNREADABLE = "its workers were stopped, and why cannot be read"


@dataclass(frozen=True)
class Halt:
    """The error, and how many runs failed with it: 0 if the job cannot be imported, None if that does not matter."""

    message: str
    failed: int | None = None

    @property
    def in_words(self) -> str:
        """What happened, in one line."""
        if self.failed is None:
            return f"{self.message} (nothing more was begun)"
        if not self.failed:
            return f"the job cannot be imported: {self.message} (no run was begun)"
        what = f"the first {self.failed} runs failed alike, before they logged anything"
        return f"{what}: {self.message} (no other was begun)"


def halt(submission: SubmissionFolder, why: Halt) -> None:
    """Let the workers of a submission begin nothing more; the first to say so is heard."""
    publish(submission.halted, record_bytes(asdict(why)))


def halt_of(submission: SubmissionFolder) -> Halt | None:
    """Return why a submission was stopped, None if it was not."""
    try:
        record = read_record(submission.halted)
        return Halt(str(record["message"]), None if record["failed"] is None else int(record["failed"]))
    except FileNotFoundError:
        return None
    except StoreError as error:
        return Halt(f"{UNREADABLE}: {error}")
    except (ValueError, TypeError, KeyError):
        return Halt(f"{UNREADABLE}: {submission.halted}: damaged")
