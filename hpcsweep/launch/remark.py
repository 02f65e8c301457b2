"""`note` and `tag`: what people say of runs, kept in the store."""

from __future__ import annotations

import re

from hpcsweep.errors import UsageError, to_type
from hpcsweep.run_notes import WORDS
from hpcsweep.store import Store
from hpcsweep.store.opening import StoreSource, open_store, words_of_store
from hpcsweep.store.remarks import Remark, read_remarks, setting_key, write_remark
from hpcsweep.store.results import read_result
from hpcsweep.sweep.runs import short_id

LONGEST_NOTE = 500
TAG = re.compile(r"[\w.-]{1,60}")


def add_note(run: str, text: str, *, setting: bool = False, remove: bool = False, store: StoreSource = None) -> str:
    """Note a text about a run (any unique beginning of its id), or take it back (`remove`); return what was done.

    With `setting`, it is about all runs with the same parameters, whatever their seed, also those that come later.
    Raises UsageError for a text that is no line, or is a word that hpcsweep itself notes; NothingSelectedError if the
    id fits no run or several.
    """
    wrong = _wrong_in_note(text)
    if wrong:
        raise UsageError(f"found {wrong}; expected one line of up to {LONGEST_NOTE} letters without a semicolon")
    if text in WORDS:
        raise UsageError(f'"{text}" is what hpcsweep itself notes; expected a note in words of your own')
    return _remark("note", run, text, setting, remove, store)


def add_tag(run: str, tag: str, *, setting: bool = False, remove: bool = False, store: StoreSource = None) -> str:
    """Tag a run with a word, as `add_note` notes a text; UsageError for a tag that is no word."""
    if not TAG.fullmatch(tag):
        raise UsageError(f"found the tag {tag!r}; expected a word of letters, digits, - and . such as paper-2")
    return _remark("tag", run, tag, setting, remove, store)


def _wrong_in_note(text: str) -> str:
    if not text.strip() or text != text.strip():
        return "a note that is empty, or begins or ends with a space"
    if not text.isprintable() or ";" in text:
        return "a note of several lines, or with a semicolon, which stands between notes"
    return f"a note of {len(text)} letters" if len(text) > LONGEST_NOTE else ""


def _remark(kind: str, run: str, text: str, setting: bool, remove: bool, source: StoreSource) -> str:
    store = open_store(source)
    trajectory_id, run_id = store.find_run(run)
    about, whose = run_id, f"run {short_id(run_id)}"
    if setting:
        about = _setting_of(store, trajectory_id, run_id)
        whose = f"all runs with the parameters of {whose}"
    remarks, _ = read_remarks(store.layout)
    there = Remark(kind, about, text) in remarks
    if remove and not there:
        see = to_type("show", short_id(run_id), *words_of_store(store))
        raise UsageError(f'{whose}: found no {kind} "{text}", expected one to take back; see: {see}')
    if there != remove:
        return f'{whose}: {kind} "{text}" was there'
    write_remark(store.layout, Remark(kind, about, text, not remove))
    return f'{whose}: {kind} "{text}"{" taken back" if remove else ""}'


def _setting_of(store: Store, trajectory_id: str, run_id: str) -> str:
    folder = store.folder(trajectory_id)
    if not folder.has(folder.result(run_id)):
        raise UsageError(f"--setting: run {short_id(run_id)} has not ended; expected one whose parameters are recorded")
    result = read_result(folder, run_id, with_arrays=False)
    return setting_key(result.job, result.params)
