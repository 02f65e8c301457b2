"""Write into the pages of docs/ the parts that the program itself knows best: `make docs` runs this before it builds.

Such a part lies between two comments, `<!-- from the program: NAME -->` and `<!-- end -->`; PARTS has the names.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from hpcsweep.cli import VERBS, cli
from hpcsweep.store import layout, task_files
from hpcsweep.sweep.file import SweepFile
from hpcsweep.sweep.profile import Profile

DOCS = Path(__file__).parent
TRAINED = DOCS.parent / "tests" / "training"  # has what the tests, and `python -m tests.training.examples`, found
PART = re.compile(r"(<!-- from the program: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
WIDTH = 100  # columns of the help, as in a wide terminal


def fill(page: str) -> str:
    """Return a page with each part between its two comments as the program would have it now."""
    return PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]().strip()}\n\n{found[3]}", page)


def command_line() -> str:
    """Return every verb with its own help, as `hpcsweep VERB --help` shows it."""
    root = click.Context(
        cli, info_name="hpcsweep", terminal_width=WIDTH, max_content_width=WIDTH, **cli.context_settings
    )
    text = f"```text\n{cli.get_help(root).strip()}\n```\n"
    for verb in VERBS:
        text += f"\n## hpcsweep {verb}\n\n" + _help(cli.get_command(root, verb), verb, root)
    return text


def _help(command: click.Command | None, path: str, parent: click.Context) -> str:
    """Return the help of a command, and of the commands below it."""
    assert command is not None
    context = click.Context(command, info_name=path, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH)
    text = f"```text\n{command.get_help(context).strip()}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            text += f"\n### hpcsweep {path} {name}\n\n" + _help(command.get_command(context, name), name, context)
    return text


def sections(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """Return the JSON Schemas of a kind of TOML file and of the tables in it, by the names of their classes."""
    schema = model.model_json_schema()
    return {model.__name__: schema, **schema.get("$defs", {})}


def keys(schema: dict[str, Any]) -> str:
    """Return a table of the keys of one section: a row per key."""
    required = schema.get("required", [])
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, field in schema["properties"].items():
        default = "required" if key in required else _default(field.get("default"))
        rows.append(f"| `{key}` | {_type(field)} | {default} | {_cell(field['description'])} |")
    return "\n".join(rows)


def _type(field: dict[str, Any]) -> str:
    """Return what a JSON Schema allows, in words."""
    words = list(dict.fromkeys(_kinds(field)))
    return _cell(" or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words))


SIMPLE = {"integer": "whole number", "number": "number", "boolean": "`true`, `false`"}


def _kinds(field: dict[str, Any]) -> Iterator[str]:
    for kind in field.get("anyOf", [field]):
        if "enum" in kind or "const" in kind:
            yield from (f'`"{word}"`' for word in kind.get("enum") or [kind["const"]])
        elif "$ref" in kind or kind.get("type") == "object":
            yield "table"
        elif kind.get("type") == "array":
            of = next(_kinds(kind["items"])) if kind["items"] else "value"
            yield f"list of {of}s"
        elif kind["type"] != "null":
            yield {"integer": "whole number", "number": "number", "boolean": "`true`, `false`"}.get(
                kind["type"], "text"
            )


def _default(value: object) -> str:
    if value is None or value == "" or isinstance(value, list | dict):
        return ""
    return f"`{str(value).lower()}`" if isinstance(value, bool | int | float) else f'`"{value}"`'


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def names(module: Any) -> str:
    """Return the names of files that the docstring of a module of hpcsweep/store lists."""
    _, _, listing = (inspect.getdoc(module) or "").partition("\n\n")
    return f"```text\n{listing}\n```"


def kinds_of_data() -> str:
    """Return what a resume guarantees for each kind of data: the table that the tests train, row by row."""
    rows = json.loads((TRAINED / "guarantees.json").read_text())
    lines = ["| data | engine, for a small net | a resume goes on | refuses |", "|---|---|---|---|"]
    lines += [f"| {row['data']} | `{row['engine']}` | {row['resume']} | {row['refuses']} |" for row in rows]
    return "\n".join(lines)


def examples() -> str:
    """Return what came out of the published examples when they were trained last."""
    lines = ["| example | engine | numbers | a resume goes on | kills | differences |", "|---|---|---|---|---|---|"]
    for name, facts in json.loads((TRAINED / "examples" / "results.json").read_text()).items():
        numbers = "Keras's, to the bit" if facts["equal"] else "Keras's to rounding; with `fit` to the bit"
        if not facts["equal"] and not facts["equal_with_fit"]:
            numbers = "not Keras's"
        end = f"{facts['resume']} | {facts['kills']} | {facts['differences']} |"
        lines.append(f"| {name} | `{facts['engine']}` | {numbers} | {end}")
    return "\n".join(lines)


def releases() -> str:
    """Return what each engine does with each pair of releases that `make matrix` has tried."""
    engines = ("fit", "compiled", "compiled-xla")
    heads = ["releases", "NumPy", *(f"`{engine}`" for engine in engines)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, facts in json.loads((TRAINED / "matrix" / "results.json").read_text()).items():
        found = [facts.get(engine, "") for engine in engines]
        if own := facts.get("own"):
            found[0] += f"; jobs that call `model.fit` themselves: {own}"
        lines.append(f"| {' | '.join([name, facts['numpy'], *found])} |")
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {
    "command line": command_line,
    "kinds of data": kinds_of_data,
    "examples": examples,
    "releases": releases,
    "names of a store": partial(names, layout),
    "names of a submission": partial(names, task_files),
    **{
        f"keys of {name}": partial(keys, schema)
        for model in (SweepFile, Profile)
        for name, schema in sections(model).items()
    },
}


def main() -> None:
    """Bring every page up to date."""
    for page in DOCS.rglob("*.md"):
        text = page.read_text()
        if (filled := fill(text)) != text:
            page.write_text(filled)
            print(f"wrote {page.relative_to(DOCS.parent)}")


if __name__ == "__main__":
    main()
