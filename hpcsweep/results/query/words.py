"""Words that are said of a run, in a condition: any of them may be meant."""

from __future__ import annotations

from hpcsweep.run_notes import has_note

COLUMNS = {"note": "notes", "tag": "tags"}
"""Names that mean any one of several words of a run, and the column in which these words are."""


class Words:
    """The words of one run: `note == "stuck"` asks whether that is among them, `note is None` whether there are none.

    `"stuck" in note` looks for letters, as in any text.
    """

    def __init__(self, text: str | None) -> None:
        """`text` has all words of the run, None if it has none."""
        self.text = text

    def __eq__(self, other: object) -> bool:
        return self.text is None if other is None else isinstance(other, str) and has_note(self.text, other)

    def __contains__(self, letters: str) -> bool:
        return letters in (self.text or "")

    def __bool__(self) -> bool:
        return self.text is not None

    def __repr__(self) -> str:
        return repr(self.text)

    __hash__ = None  # type: ignore[assignment]
