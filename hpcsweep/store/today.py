"""Whether what a store holds was made by the code and the data of today, and if not, what has changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from hpcsweep.code.version import Change, CodeVersion, changes, in_words, parts_of_file, version_of
from hpcsweep.files import look_alike
from hpcsweep.store.checkpoints import list_checkpoints
from hpcsweep.store.made_by import UNKNOWN, Made, is_accepted, made_by_generation, read_data, read_version
from hpcsweep.store.states import FINISHED, RunState
from hpcsweep.store.store import Store
from hpcsweep.store.trajectory_folder import ARRAYS, TrajectoryFolder
from hpcsweep.sweep.runs import Run, epochs_of, short_id


class Judgement(NamedTuple):
    """What a run is, seen from today, why in words, and by which code and data it was made."""

    state: RunState
    cause: str
    made: Made
    other_code: bool = False
    other_data: bool = False


@dataclass
class Today:
    """The code of a study as it is now, and where its data are now; the rest is looked up in `store`.

    `files` are those of the sweep's job, from the study's folder `root`; `data_folder` holds the published data sets.
    """

    store: Store
    root: Path
    files: Mapping[str, bytes]
    data_folder: Path
    _code: dict[str, str] = field(default_factory=dict)
    _data: dict[str, str] = field(default_factory=dict)

    @cached_property
    def version(self) -> CodeVersion:
        """What the code means now."""
        return version_of(self.files)

    def judge(self, runs: Iterable[Run], states: Mapping[str, str]) -> dict[str, Judgement]:
        """Return, of the `runs` in these states, those that other code or data made or began."""
        there, packed = self.store.layout.trajectory_ids(), self.store.packs.runs
        left_out = (RunState.RUNNING, RunState.CORRUPT, RunState.NEWER)
        asked = [run for run in runs if run.trajectory in there and states.get(run.id) not in left_out]
        names = self.store.layout.names_of({run.trajectory for run in asked if run.id not in packed})
        found: dict[str, Judgement] = {}
        todays: set[tuple[str | None, str | None]] = set()  # by what packed runs were made, if that is of today
        for run in asked:
            if states.get(run.id) not in FINISHED:
                judgement = self._begun(run, names[run.trajectory])
            elif seen := packed.get(run.id):
                if (seen.code, seen.data) in todays:
                    continue
                judgement = self._finished(run, seen.made)
                if judgement is None and seen.code and self.version.sha256.startswith(seen.code):
                    todays.add((seen.code, seen.data))
            else:
                own = names[run.trajectory]
                judgement = self._finished(run, made_by_generation(own).get(_generation_of(run, own)))
            if judgement:
                found[run.id] = judgement
        return found

    def changed_code(self, before: str) -> list[Change]:
        """Return in what the code of today differs from a version; `before` is the beginning of its digest."""
        if self.version.sha256.startswith(before):
            return []
        known = read_version(self.store.layout, before)
        if known is None:
            return [Change(before, what="is not known to this store")]
        return changes(known, self._with_modules(known))

    def _with_modules(self, known: CodeVersion) -> CodeVersion:
        """Return today's version with the modules outside the study that `known` has, as far as they can be seen."""
        modules = {}
        for name, path in known.paths.items():
            try:
                modules[name] = parts_of_file(path, Path(path).read_bytes())
            except OSError:  # on another machine, or in a container: what cannot be seen is not judged
                continue
        return CodeVersion(self.version.files, modules, known.paths)

    def _finished(self, run: Run, made: Made | None) -> Judgement | None:
        code = self._words_of_code(made.code) if made else ""
        if (made is None or not self.version.sha256.startswith(made.code)) and (other := self._defaults(run)):
            return Judgement(RunState.OTHER_DEFAULTS, other, made or Made(UNKNOWN, UNKNOWN))
        if made is None:
            return None
        data = self._words_of_data(made.data)
        if code and not self._is_kept(made.code):
            return Judgement(RunState.OTHER_CODE, _both(code, data), made, True, bool(data))
        return Judgement(RunState.OTHER_DATA, data, made, other_data=True) if data else None

    def _begun(self, run: Run, names: list[str]) -> Judgement | None:
        """Judge the checkpoint that the run would go on from."""
        limit = epochs_of(run.params)
        usable = [one for one in list_checkpoints(names) if limit is None or one.epoch <= limit]
        if not usable:
            return None
        made = made_by_generation(names).get(usable[-1].generation)
        if made is None:  # of an earlier release: it goes on, as that release would have it, and the result says so
            return None
        code = "" if self._is_kept(made.code) else self._words_of_code(made.code)
        data = self._words_of_data(made.data)
        if not code and not data:
            return None
        return Judgement(RunState.BEGUN_BY_OTHERS, _both(code, data), made, bool(code), bool(data))

    def _is_kept(self, before: str) -> bool:
        return is_accepted(self.store.layout, before, self.version.sha256)

    def _words_of_code(self, before: str) -> str:
        if before not in self._code:
            self._code[before] = in_words(self.changed_code(before))
        return self._code[before]

    def _words_of_data(self, before: str) -> str:
        if before not in self._data:
            self._data[before] = "; ".join(
                f"{name} has other content now ({short_id(now)}, was {short_id(then)})"
                for name, then, now in self.changed_data(before)
                if not is_accepted(self.store.layout, then, now)
            )
        return self._data[before]

    def changed_data(self, before: str) -> list[tuple[str, str, str]]:
        """Return (name, digest then, digest now) of the data that have changed; `before` begins their digest."""
        return list(self._changed_data(read_data(self.store.layout, before)))

    def _changed_data(self, used: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
        for name, entry in used.items():
            if "files" in entry and not (_is_fixed(entry) and look_alike(entry["files"])):
                from hpcsweep.data.used import entry_now

                now = entry_now(name, entry, self.data_folder)
                if now and now["sha256"] != entry["sha256"]:
                    yield name, entry["sha256"], now["sha256"]

    def _defaults(self, run: Run) -> str:
        """Say which parameters had other values when the trajectory was trained: their defaults have changed."""
        then, now = params_of(self.store.folder(run.trajectory)), run.params
        other = [
            name for name in then if name in now and (type(then[name]), then[name]) != (type(now[name]), now[name])
        ]
        return ", ".join(f"{name} was {then[name]!r}, its default is {now[name]!r} now" for name in other)


def _both(code: str, data: str) -> str:
    return "; ".join(words for words in (code, data) if words)


def _is_fixed(entry: Mapping[str, Any]) -> bool:
    """Whether the job itself says where the data lie, so that no variable or profile can mean another place."""
    return "path" in entry or bool(entry.get("given"))


def _generation_of(run: Run, names: Iterable[str]) -> int:
    """Return the attempt that made a run's result, 0 if the names do not say."""
    found = {int(match[2]) for name in names if (match := ARRAYS.fullmatch(name)) and match[1] == run.id}
    return found.pop() if len(found) == 1 else 0


def params_of(folder: TrajectoryFolder) -> dict[str, Any]:
    """Return the parameters with which a trajectory was trained; none if that is not known."""
    try:
        return dict(folder.record(folder.meaning)["params"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
