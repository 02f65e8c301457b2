"""`hpcsweep schema`: the JSON Schema of sweep files."""

from __future__ import annotations

import json

import click

from hpcsweep.cli.options import echo


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of sweep files, with which editors complete and check them.

    Save it, and name the file in the first line of a sweep file: #:schema ./sweep.schema.json
    """
    from hpcsweep.sweep.load import sweep_json_schema

    echo(json.dumps(sweep_json_schema(), indent=2))
