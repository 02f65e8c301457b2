"""A version of a job's code: what each of its files means, and in which part two versions differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hpcsweep.code.meaning import meaning_of, meaning_of_bytes, parts_of
from hpcsweep.files import canonical_json, sha256_hex

Parts = dict[str, str]


@dataclass(frozen=True)
class Change:
    """One difference between two versions: the file (or the module outside the study), its part, and what happened."""

    file: str
    part: str = ""
    what: str = "changed"

    def __str__(self) -> str:
        """Return it in words, such as "lib/rates.py: RATE changed"."""
        return f"{self.file}: {self.part} {self.what}" if self.part else f"{self.file} {self.what}"


@dataclass(frozen=True)
class CodeVersion:
    """What the files of a job mean.

    `files` has the parts of each file of the study by its path from there; `modules` those of the user's modules
    outside of the study, by their names, and `paths` where these lay.
    """

    files: Mapping[str, Parts]
    modules: Mapping[str, Parts] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def sha256(self) -> str:
        """The digest of all that the code means; where the modules lie is no part of it."""
        files = {name: meaning_of(parts) for name, parts in self.files.items()}
        modules = {name: meaning_of(parts) for name, parts in self.modules.items()}
        return sha256_hex(canonical_json({"files": files, **({"modules": modules} if modules else {})}).encode())

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {"files": dict(self.files), "modules": dict(self.modules), "paths": dict(self.paths)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CodeVersion:
        """Return the version that `to_json` wrote."""
        return cls(value["files"], value["modules"], value["paths"])


def version_of(files: Mapping[str, bytes]) -> CodeVersion:
    """Return the version of a job whose files have this content."""
    return CodeVersion({name: parts_of_file(name, content) for name, content in files.items()})


def parts_of_file(name: str, content: bytes) -> Parts:
    """Return the digests of the parts of a file, Python or not."""
    return parts_of(content) if name.endswith(".py") else meaning_of_bytes(content)


def changes(before: CodeVersion, now: CodeVersion) -> list[Change]:
    """Return in what `now` differs from `before`, the files in order.

    A module outside the study that only one of them knows is no difference: which of those are imported may hang on
    a run's parameters.
    """
    found = [change for name in before.files for change in _in_file(name, before.files[name], now.files.get(name))]
    found += [Change(name, what="is new") for name in now.files if name not in before.files]
    shared = [name for name in before.modules if name in now.modules]
    return found + [change for name in shared for change in _in_file(name, before.modules[name], now.modules[name])]


def in_words(found: list[Change], shown: int = 2) -> str:
    """Return the first of some changes as a phrase, and how many more there are."""
    more = f" and {len(found) - shown} more" if len(found) > shown else ""
    return ", ".join(map(str, found[:shown])) + more


def _in_file(name: str, before: Parts, now: Parts | None) -> Iterator[Change]:
    if now is None:
        yield Change(name, what="is no part of it any more")
    elif meaning_of(before) != meaning_of(now):
        parts = [part for part in {**before, **now} if before.get(part) != now.get(part)]
        yield from (Change(name, part, _what(part, before, now)) for part in parts)
        if not parts:
            yield Change(name, what="has its parts in another order")


def _what(part: str, before: Parts, now: Parts) -> str:
    if part not in before:
        return "is new"
    return "changed" if part in now else "is gone"
