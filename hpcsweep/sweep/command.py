"""A command in place of a job function: any program, whose placeholders are the parameters of the sweep."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from string import Formatter

from hpcsweep.errors import JobError
from hpcsweep.files import canonical_json
from hpcsweep.machine import zip_equal
from hpcsweep.sweep.value_types import Value, shortened

GIVEN_BY_RUN = ("seed", "id", "folder", "study", "checkpoint")
_HEADS = {False: "command ", True: "shell "}
_QUOTES = "'\"`"


@dataclass(frozen=True)
class Command:
    """A program and its arguments, each a template such as `--lr={learning_rate}`; or one line for a shell.

    `{{` and `}}` stand for braces. Besides parameters a template may name `{seed}`, `{id}`, `{folder}` (the run's),
    `{study}` (the folder of the study) and `{checkpoint}` (the folder for the program's own checkpoints).
    """

    words: tuple[str, ...]
    shell: bool = False

    @property
    def reference(self) -> str:
        """The command as run ids, results and error lines name it."""
        return _HEADS[self.shell] + canonical_json(self.words[0] if self.shell else list(self.words))

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names of all placeholders, in the order of their first appearance."""
        return tuple(dict.fromkeys(name for word in self.words for _, name in _pieces(word) if name))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the placeholders that are parameters."""
        return tuple(name for name in self.placeholders if name not in GIVEN_BY_RUN)

    def files(self, study: Path) -> tuple[str, ...]:
        """Return the files of the study that words name, by their paths from there.

        A word names a file as a whole, behind `=` (`--config=a.yaml`), or as a module after `-m`.
        """
        found = [path for word in self._plain_words() if (path := _named(word)) and _is_file(study / path)]
        return tuple(dict.fromkeys([*found, *self._modules(study)]))

    def filled(self, values: Mapping[str, Value], places: Mapping[str, Path]) -> list[str]:
        """Return the words to execute. One that names a file, by its path from the study, becomes its path in `places`.

        A shell gets the values as its arguments, so that nothing in them is read as a part of the line.
        """
        texts = {name: as_text(value) for name, value in values.items()}
        if not self.shell:
            return [_placed(word, places) or _fill(word, texts) for word in self.words]
        numbers = {name: f'"${{{number}}}"' for number, name in enumerate(self.placeholders, 1)}
        line = " ".join(_placed_for_shell(word, places) or word for word in self.words[0].split(" "))
        return ["/bin/sh", "-c", _fill(line, numbers), "sh", *(texts[name] for name in self.placeholders)]

    def program(self) -> str | None:
        """Return the program as it is written, None if a parameter names it or a shell finds it."""
        return None if self.shell or _names(self.words[0]) else _fill(self.words[0], {})

    def script(self) -> str | None:
        """Return the first argument that looks like a script, None if there is none."""
        words = (word for word in self._plain_words() if not word.startswith("-"))
        return next((word for word in words if word.endswith((".py", ".sh", ".R", ".jl"))), None)

    def _plain_words(self) -> list[str]:
        words = self.words[0].split() if self.shell else self.words
        return [word for word in words if not _names(word)]

    def _modules(self, study: Path) -> Iterator[str]:
        words = self._plain_words()
        for option, name in zip_equal(words[:-1], words[1:]):
            if option == "-m":
                path = name.replace(".", "/")
                yield from (one for one in (f"{path}.py", f"{path}/__main__.py") if (study / one).is_file())


def parse_command(words: list[str] | str, *, shell: bool) -> Command:
    """Return the command of a sweep file; JobError, one line, if it is none."""
    if isinstance(words, str) != shell:
        listed = 'a list such as ["python", "train.py", "--lr={lr}"], or shell = true'
        expected = "one line of text, since shell = true" if shell else listed
        raise JobError(f"found {shortened(json.dumps(words))}, expected {expected}")
    command = Command((words,) if isinstance(words, str) else tuple(words), shell)
    if not any(word.strip() for word in command.words[:1]):
        raise JobError("found no program, expected its name first")
    for word in command.words:
        if "\0" in word:
            raise JobError(f"found a NUL character in {shortened(json.dumps(word))}, expected text")
        _check(word)
    if shell:
        _check_shell(command.words[0])
    return command


def command_of(reference: str) -> Command | None:
    """Return the command that a job's reference means, None if it is that of a function."""
    for shell, head in _HEADS.items():
        if reference.startswith(head):
            said = json.loads(reference.removeprefix(head))
            return Command((said,) if shell else tuple(said), shell)
    return None


def require_program(reference: str, files: Collection[str]) -> None:
    """Raise JobError if a job's reference means a command whose program is neither here nor among its `files`."""
    command = command_of(reference)
    program = command.program() if command else None
    if program is not None and Path(program).as_posix() not in files and shutil.which(program) is None:
        raise JobError(no_program(program, "not found"))


def no_program(name: str, reason: str) -> str:
    """Return the error line for a program that cannot be started."""
    return (
        f'found no program "{name}" that can be started here ({reason}), expected one on the PATH of the worker, or a '
        "file of the study"
    )


def as_text(value: Value) -> str:
    """Return a value as an argument: true and false, the shortest exact digits, lists and None as in JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _pieces(word: str) -> Iterator[tuple[str, str | None]]:
    """Give a template's texts, each with the placeholder that follows it."""
    return ((text, name) for text, name, _, _ in Formatter().parse(word))


def _names(word: str) -> list[str]:
    return [name for _, name in _pieces(word) if name is not None]


def _fill(word: str, texts: Mapping[str, str]) -> str:
    return "".join(text + ("" if name is None else texts[name]) for text, name in _pieces(word))


def _check(word: str) -> None:
    shown = shortened(json.dumps(word))
    try:
        pieces = list(Formatter().parse(word))
    except ValueError as error:
        raise JobError(f"found {shown} ({error}), expected {{{{ and }}}} for braces") from None
    for _, name, form, conversion in pieces:
        if name is not None and (not name.isidentifier() or form or conversion):
            expected = "a plain name between braces, such as {learning_rate}; {{ and }} stand for braces"
            raise JobError(f"found {shown}, expected {expected}")


def _check_shell(line: str) -> None:
    """Refuse a placeholder where the shell would not take its value as it is: in quotes, after `\\`, `$` or `<<`."""
    quote, before = "", ""
    for text, name in _pieces(line):
        for character in text:
            if before == "\\" and quote != "'":
                before = ""
                continue
            if character in _QUOTES and (not quote or quote == character):
                quote = "" if quote else character
            before = character
        if name is not None:
            if quote or before in ("\\", "$") or "<<" in line:
                where = f"within {quote} quotes" if quote else f"after {before}" if before in ("\\", "$") else "with <<"
                expected = "it outside of quotes and on its own: its value is quoted for the shell"
                raise JobError(f"found {{{name}}} {where}, expected {expected}")
            before = ""


def _named(word: str) -> str | None:
    """Return the relative path that a word without placeholders may name, or what follows its first `=`."""
    text = _fill(word, {})
    text = text.partition("=")[2] if text.startswith("-") and "=" in text else text
    path = PurePosixPath(text)
    return None if not text or path.is_absolute() or ".." in path.parts else path.as_posix()


def _placed(word: str, places: Mapping[str, Path]) -> str | None:
    """Return a word that names one of `places` with that path, None for any other word."""
    path = None if _names(word) else _named(word)
    if path is None or path not in places:
        return None
    option, equals, _ = _fill(word, {}).partition("=")
    return f"{option}{equals}{places[path]}" if equals and option.startswith("-") else str(places[path])


def _placed_for_shell(word: str, places: Mapping[str, Path]) -> str | None:
    placed = _placed(word, places)
    return shlex.quote(placed).replace("{", "{{").replace("}", "}}") if placed else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a word that no file can be called
        return False
