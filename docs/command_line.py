"""Print docs/command-line.md: every verb with its own help, as `hpcsweep VERB --help` shows it."""

from __future__ import annotations

import click

from hpcsweep.cli import VERBS, cli

WIDTH = 100


def help_of(command: click.Command, path: str, parent: click.Context | None = None) -> str:
    """Return the help of a command, and of the commands below it, as Markdown."""
    context = click.Context(command, info_name=path, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH)
    text = f"```text\n{command.get_help(context).strip()}\n```\n"
    if isinstance(command, click.Group) and command is not cli:
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            text += f"\n### hpcsweep {path.split()[-1]} {name}\n\n" + help_of(below, name, context)
    return text


def main() -> None:
    """Print the page."""
    root = click.Context(cli, info_name="hpcsweep", terminal_width=WIDTH, max_content_width=WIDTH)
    print("# The command line\n\nWritten by `make docs` from the verbs themselves.\n")
    print(f"```text\n{cli.get_help(root).strip()}\n```")
    for verb in VERBS:
        print(f"\n## hpcsweep {verb}\n\n{help_of(cli.get_command(root, verb), verb, root)}", end="")


if __name__ == "__main__":
    main()
