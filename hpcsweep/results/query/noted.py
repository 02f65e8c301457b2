"""How many runs have each note, and the condition that finds them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hpcsweep.results.frames import Results
from hpcsweep.results.query.select import columns_of_words
from hpcsweep.run_notes import WORDS, has_note, words_in


def counted_notes(results: Results, rows: Any) -> dict[str, int]:
    """Return {word of WORDS: number of runs with it} of these rows (a mask), without the words that none has."""
    notes = results.column("notes")[rows].tolist() if "notes" in results.own else []
    texts = Counter(text for text in notes if isinstance(text, str))
    counts = {word: sum(count for text, count in texts.items() if has_note(text, word)) for word in WORDS}
    return {word: count for word, count in counts.items() if count}


def written(results: Results) -> dict[str, int]:
    """Return {'note "..."' or 'tag "..."': number of runs} of what people wrote, the most frequent first."""
    counts: Counter[str] = Counter()
    for name, column in (("note", "notes"), ("tag", "tags")):
        texts = results.column(column).tolist() if column in results.own else []
        said = [word for text in texts if isinstance(text, str) for word in words_in(text) if word not in WORDS]
        counts.update(f'{name} "{word}"' for word in said)
    return dict(counts.most_common())


def condition_for(results: Results, note: str) -> str:
    """Return the condition that keeps the runs with a note, as for --where."""
    return f'note == "{note}"' if "note" in columns_of_words(results) else f'"{note}" in {results.own["notes"]}'
