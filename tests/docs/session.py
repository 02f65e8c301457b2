"""A page of the documentation as what a reader does with it: files written, commands typed, Python run, in one folder.

Of the fenced blocks of a page, in their order:

    python title="jobs/x.py", toml title="sweeps/x.toml"   written as that file; a sweep file must plan without a note
    python                                                 run, with the names of the blocks before it
    toml                                                   read as a sweep file where it has a name and a job
    console                                                lines after "$ " typed; what they print must be what follows
    sh, text                                               shown; every `hpcsweep VERB` in sh must have these options

In what a command printed, "..." stands for anything, white space is not compared, and numbers with decimals may differ
by a twentieth: processors of other kinds round otherwise. `<!-- not run: REASON -->` before a block leaves it out.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest

from hpcsweep.cli import cli
from hpcsweep.sweep.file import SweepFile
from tests.conftest import ENVIRONMENT, REPOSITORY

FENCE = re.compile(
    r'^(?:<!-- not run: (?P<why>.+) -->\n)?```(?P<language>\w+)(?: title="(?P<title>.+?)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
DECIMAL = re.compile(r"(?<![\w.])-?\d+\.\d+(?:e[+-]?\d+)?(?![\w.])")
TOLERANCE = 0.05


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `line` counts from 1, `why` says why it is not run, if it is not."""

    language: str
    title: str | None
    text: str
    line: int
    why: str | None


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    text = page.read_text()
    return [
        Block(found["language"], found["title"], found["text"], text.count("\n", 0, found.start("text")), found["why"])
        for found in FENCE.finditer(text)
    ]


@dataclass
class Session:
    """What a reader of one page has: a folder, and a Python that is running."""

    folder: Path
    names: dict[str, Any] = field(default_factory=dict)

    def follow(self, page: Path) -> None:
        """Do what the page says; fail at the first block that is not as it says."""
        for block in blocks(page):
            if block.why is None:
                try:
                    getattr(self, block.language)(block)
                except Exception as error:
                    pytest.fail(f"{page.relative_to(REPOSITORY)}:{block.line}: {error}")

    def python(self, block: Block) -> None:
        """Write a block with a title, run one without."""
        code = compile(block.text, block.title or "page", "exec")
        if block.title:
            self._write(block)
        else:
            exec(code, self.names)

    def toml(self, block: Block) -> None:
        """Read a block as TOML, and as a sweep file if it is one; write it if it has a title."""
        found = tomllib.loads(block.text)
        if {"name", "job"} <= set(found):
            SweepFile.model_validate(found)
        if block.title:
            self._write(block)
            if block.title.startswith("sweeps/"):
                self._type(f"hpcsweep plan {block.title}")

    def console(self, block: Block) -> None:
        """Type each line after "$ " and compare what comes."""
        for typed in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, shown = typed.partition("\n")
            compare(shown, self._type(command))

    def sh(self, block: Block) -> None:
        """Look whether the verbs and options of commands that are only shown exist."""
        for line in block.text.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["hpcsweep"]:
                understand(words[1:])

    def text(self, block: Block) -> None:
        """Leave alone what is only shown."""

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
        path = f"{Path(sys.executable).parent}{os.pathsep}{ENVIRONMENT['PATH']}"
        ended = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env={**ENVIRONMENT, "PATH": path, "PYTHONPATH": str(REPOSITORY), "HPCSWEEP_STORE": "", "COLUMNS": "110"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        return ended.stdout


def compare(shown: str, printed: str) -> None:
    """Fail if what a page shows is not what was printed."""
    checker, options = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    if not checker.check_output(DECIMAL.sub("0.0", shown), DECIMAL.sub("0.0", printed), options):
        raise AssertionError(f"the page shows\n{shown}\nand what was printed is\n{printed}")
    if "..." not in shown:
        expected = [float(number) for number in DECIMAL.findall(shown)]
        assert [float(number) for number in DECIMAL.findall(printed)] == pytest.approx(
            expected, rel=TOLERANCE, abs=TOLERANCE
        ), printed


def understand(words: list[str]) -> None:
    """Fail unless the command line has such a verb and such options; nothing is done."""
    command: click.Command = cli
    context = click.Context(cli, info_name="hpcsweep")
    while isinstance(command, click.Group):
        verb = next((word for word in words if not word.startswith("-")), None)
        if verb is None:
            return
        found = command.get_command(context, verb)
        assert found is not None, f"there is no verb {verb}"
        command, words = found, words[words.index(verb) + 1 :]
        context = click.Context(command, info_name=verb, parent=context)
    command.make_parser(context).parse_args(list(words))
