"""What the verbs that read results share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpcsweep.cli.common import load, note, store_of
from hpcsweep.files import write_atomic

if TYPE_CHECKING:
    from hpcsweep.results import Results

source_argument = click.argument("source", metavar="SWEEP", type=click.Path(path_type=Path))
where_option = click.option("--where", metavar="CONDITION", help="""Only runs such as "optimizer == 'adam'".""")
out_option = click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write a file."
)


def read_results(source: Path, store: str | None) -> Results:
    """Return the results of a sweep file, or of a store's folder; the sweep's warnings go to stderr."""
    from hpcsweep import results

    if source.is_dir():
        return results.load(source)
    sweep = load(source)
    return results.of_sweep(sweep, store_of(sweep, store))


def split_names(texts: Sequence[str] | str | None) -> list[str] | None:
    """Split `layers,neurons` at its commas, those inside brackets excepted; None if nothing was given."""
    if not texts:
        return None
    parts: list[str] = []
    for text in [texts] if isinstance(texts, str) else texts:
        depth, start = 0, 0
        for at, letter in enumerate(f"{text},"):
            depth += (letter == "(") - (letter == ")")
            if letter == "," and depth <= 0:
                parts.append(text[start:at].strip())
                start = at + 1
    return [part for part in parts if part]


def deliver(text: str, out: Path | None) -> None:
    """Print `text`, or write it to the file `out` and say so on stderr."""
    if out is None:
        click.echo(text, nl=False)
    else:
        write_atomic(out, text.encode())
        note(f"wrote {out}")


def options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Apply several click options in the order they are listed."""

    def apply(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply
