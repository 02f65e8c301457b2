"""What a file means: the same under reformatting, another under any change that can run."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.code.meaning import REST, meaning_of, parts_of
from hpcsweep.code.version import changes, in_words, version_of

TEXT = '''
"""A job."""
import numpy as np

RATE: float = 0.1  # of learning

class Net(Base, size=3):
    """A net."""

    def call(self, x, *, training=None):
        """Call it."""
        return f"{x!r:>{self.width}} and {x}" "!" if training else -x

@decorate
async def train(run, /, a, *rest, b=(1, 2.5, None, ..., b"x", 1j), **more):
    global RATE
    try:
        RATE = [y for y in rest if y] or {"a": 1, **more}
    except* ValueError as error:
        raise KeyError from error
    finally:
        del a
    match b:
        case [1, *_] | {"k": 2, **others}:
            return (yield)
    with open(a) as file, lock: pass
    lambda q: q[1:2, ::3] @ q
'''


def whole(text: str) -> str:
    """Return the digest of a file."""
    return meaning_of(parts_of(text.encode()))


def test_reformatting_changes_nothing() -> None:
    """Comments, docstrings, blank lines, quotes and parentheses mean nothing."""
    reformatted = ast.unparse(ast.parse(TEXT)).replace('"""Call it."""', '"""Call it twice."""')
    assert reformatted != TEXT
    assert whole("# a comment\n\n\n" + reformatted) == whole(TEXT)


@pytest.mark.parametrize(
    ("before", "now", "part"),
    [
        ("RATE: float = 0.1", "RATE: float = 0.2", "RATE"),
        ("-x", "x", "Net.call"),
        ("size=3", "size=4", "Net"),
        ('"a": 1', '"a": True', "train"),
        ('"a": 1', '"a": 1.0', "train"),
        ("b=(1, 2.5", "b=(1, 2.25", "train"),
        ("import numpy as np", "import numpy", REST),
        ("!r:>", "!s:>", "Net.call"),
    ],
)
def test_a_change_is_named_by_its_part(before: str, now: str, part: str) -> None:
    """The function, class, method or name that changed is told, and only that."""
    assert before in TEXT
    old, new = version_of({"a.py": TEXT.encode()}), version_of({"a.py": TEXT.replace(before, now, 1).encode()})
    assert old.sha256 != new.sha256
    assert in_words(changes(old, new)) == f"a.py: {part} changed"


def test_the_digest_is_the_same_in_every_python() -> None:
    """Results of one Python are judged by another: this digest was written down with Python 3.11."""
    assert whole(TEXT) == GOLDEN


def test_fields_that_other_pythons_have_mean_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.12 gave functions `type_params` and splits f-strings otherwise: empty fields and splits do not count."""
    golden = whole(TEXT)
    parse = ast.parse

    def of_another_python(text: Any) -> ast.Module:
        tree: ast.Module = parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                vars(node).update(_fields=(*node._fields, "type_params"), type_params=[])
            if isinstance(node, ast.JoinedStr):
                node.values = [piece for value in node.values for piece in split(value)] + [ast.Constant("")]
        return tree

    def split(value: ast.expr) -> list[ast.expr]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return [ast.Constant(letter) for letter in value.value]
        return [value]

    monkeypatch.setattr(ast, "parse", of_another_python)
    assert whole(TEXT) == golden


@given(st.text())
def test_any_text_has_a_meaning(text: str) -> None:
    """What is no Python has the meaning of its bytes, and two texts of one meaning have one tree."""
    content = text.encode("utf-8", errors="replace")
    assert meaning_of(parts_of(content)) == meaning_of(parts_of(content))


def test_hashing_does_not_hang_on_the_process() -> None:
    """The digest is no matter of Python's hash seed."""
    code = f"from hpcsweep.code.meaning import *; print(meaning_of(parts_of({TEXT.encode()!r})))"
    said = {
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True,
                       check=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert said == {whole(TEXT) + "\n"}


GOLDEN = "16cf531a2110b3d799641b9265afd22965de8b4afdcc7589a84a63655c9c72f7"
