"""A page of the documentation as what a reader does with it: files written, commands typed, Python run, in one folder.

Of the fenced blocks of a page, in their order:

    python title="jobs/x.py", toml title="sweeps/x.toml"   written as that file
    python                                                 run, with the names of the blocks before it
    text title="output"                                    what the Python block before it printed
    toml                                                   read as a sweep file, or a part of one
    console                                                lines after "$ " typed; what they print must be what follows
    sh, text                                               shown; every `hpcsweep VERB` in sh must have these options

In what a command printed, "..." stands for anything, white space is not compared, and numbers with decimals may differ
by a twentieth: processors of other kinds round otherwise. A comment before a block says more of it:

    <!-- not run: REASON -->                               it is left out
    <!-- typed again until it shows this -->               its one command has three minutes to print what is shown
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import click
import pytest

from hpcsweep.cli import cli
from hpcsweep.sweep.file import SweepFile
from hpcsweep.sweep.profile import Profile
from tests.conftest import ENVIRONMENT, REPOSITORY

FENCE = re.compile(
    r'^(?:<!-- (?P<comment>.+) -->\n)?```(?P<language>\w+)(?: title="(?P<title>.+?)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
DECIMAL = re.compile(r"(?<![\w.])-?\d+\.\d+(?:e[+-]?\d+)?(?![\w.])")
TOLERANCE = 0.05
VARIABLES = {"PYTHONPATH": str(REPOSITORY), "HPCSWEEP_STORE": "", "COLUMNS": "110"}
AGAIN, PATIENCE_S = "typed again until it shows this", 180.0


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, `line` counted from 1, with the comment before it."""

    language: str
    title: str | None
    text: str
    line: int
    comment: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    text = page.read_text()
    return [
        Block(
            found["language"],
            found["title"],
            found["text"],
            text.count("\n", 0, found.start("text")),
            found["comment"] or "",
        )
        for found in FENCE.finditer(text)
    ]


@dataclass
class Session:
    """What a reader has: a folder, a shell with variables of its own, and a Python that is running."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    printed: str = ""

    def follow(self, page: Path) -> None:
        """Do what the page says; fail at the first block that is not as it says."""
        for block in blocks(page):
            if not block.comment.startswith("not run: "):
                try:
                    getattr(self, block.language)(block)
                except Exception as error:
                    pytest.fail(f"{page}:{block.line}: {error}")

    def python(self, block: Block) -> None:
        """Write a block with a title, run one without."""
        code = compile(block.text, block.title or "page", "exec")
        if block.title:
            self._write(block)
        else:
            with chdir(self.folder), redirect_stdout(StringIO()) as caught:
                exec(code, self.names)
            self.printed = caught.getvalue()

    def toml(self, block: Block) -> None:
        """Read a block as a sweep file, a part of one, or a profile; write it if it has a title."""
        found = tomllib.loads(block.text)
        if set(found) <= set(SweepFile.model_fields):
            job = {} if "command" in found else {"job": "jobs/part.py:train"}
            SweepFile.model_validate({"name": "part", **job, **found})
        if block.title:
            self._write(block)
            if block.title.startswith("jobs/profiles/"):
                Profile.model_validate(found)

    def console(self, block: Block) -> None:
        """Type each line after "$ " and compare what comes."""
        last = time.monotonic() + (PATIENCE_S if block.comment == AGAIN else 0.0)
        for typed in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, shown = typed.partition("\n")
            while not is_shown(shown, printed := self._type(command)):
                assert time.monotonic() < last, f"the page shows\n{shown}\nand {command} printed\n{printed}"
                time.sleep(1.0)

    def sh(self, block: Block) -> None:
        """Look whether the verbs and options of commands that are only shown exist."""
        for line in block.text.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["hpcsweep"]:
                understand(words[1:])

    def text(self, block: Block) -> None:
        """Compare what Python printed; other text is only shown."""
        if block.title == "output":
            assert is_shown(block.text, self.printed), (
                f"the page shows\n{block.text}\nand Python printed\n{self.printed}"
            )

    def _write(self, block: Block) -> None:
        path = self.folder / str(block.title)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    def _type(self, command: str) -> str:
        """Return what a command printed to both of its streams; a `cd` is for those after it, too."""
        words = shlex.split(command, comments=True)
        if words[0] == "cd":
            self.folder /= words[1]
            return ""
        variables = {**ENVIRONMENT, **VARIABLES, **self.variables}
        path = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
        ended = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env={**variables, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        return ended.stdout


def is_shown(shown: str, printed: str) -> bool:
    """Whether what was printed is what a page shows."""
    checker, options = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    if not checker.check_output(DECIMAL.sub("0.0", shown), DECIMAL.sub("0.0", printed), options):
        return False
    close = pytest.approx([float(number) for number in DECIMAL.findall(shown)], rel=TOLERANCE, abs=TOLERANCE)
    return "..." in shown or [float(number) for number in DECIMAL.findall(printed)] == close


def understand(words: list[str]) -> None:
    """Fail unless the command line has such a verb and such options; nothing is done."""
    command: click.Command = cli
    context = click.Context(cli, info_name="hpcsweep", **cli.context_settings)
    while isinstance(command, click.Group):
        verb = next((word for word in words if not word.startswith("-")), None)
        if verb is None:
            return
        found = command.get_command(context, verb)
        assert found is not None, f"there is no verb {verb}"
        command, words = found, words[words.index(verb) + 1 :]
        context = click.Context(command, info_name=verb, parent=context)
    command.make_parser(context).parse_args(list(words))
