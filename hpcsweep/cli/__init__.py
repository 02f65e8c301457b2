"""The command line: `hpcsweep VERB`. Each verb is a module of `verbs/`, imported only when it is used."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

import hpcsweep
from hpcsweep.errors import HpcsweepError, nearest
from hpcsweep.files import printable
from hpcsweep.home import spare_home

# verb -> what it does, shown without importing it
VERBS = {
    "init": "Make a new study: jobs/, sweeps/ and analysis/, with one working example.",
    "profile": "Write a profile from what the cluster says of itself.",
    "try": "Try one run: time, memory, and whether it survives being killed.",
    "plan": "Show what would happen: the runs of a sweep and their states.",
    "run": "Train a sweep on this machine, then print its table.",
    "submit": "Send workers to SLURM; safe to repeat.",
    "resume": "Send workers for what is unfinished.",
    "scale": "Change how many workers a sweep wants.",
    "status": "Show how far a sweep has come.",
    "logs": "Print what the attempts at a run printed.",
    "show": "Print everything recorded of a run.",
    "note": "Note a text about a run or a setting.",
    "tag": "Tag a run or a setting with a word.",
    "files": "List or copy the files that are kept of a run.",
    "model": "Give the trained model of the best run.",
    "diff": "Show how two runs differ.",
    "cancel": "Stop the workers of a sweep.",
    "clean": "Remove what can be made again.",
    "pack": "Put the files of finished runs into few.",
    "table": "Print the comparison table: mean ± std (n).",
    "best": "Say which setting is best, and which cannot be told from it.",
    "plot": "Draw figures: curves, heat map, confusion matrices and more.",
    "report": "Write one self-contained HTML file.",
    "knee": "Say where more epochs stop paying off.",
    "export": "Write runs and history as Parquet or CSV.",
    "merge": "Copy another store's results into this one.",
    "migrate": "Bring results under a job's new parameters.",
    "verify": "Check the hashes of results; train a sample again and compare.",
    "doctor": "Check whether this cluster can run hpcsweep.",
    "data": "List, fetch and check data sets.",
    "schema": "Print the JSON Schema of sweep files, for editors.",
}


LONGEST_LINE = 500  # letters of an error that nobody expected


class LazyGroup(click.Group):
    """Verbs that are imported when they are called, so that help and errors come at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"hpcsweep.cli.verbs.{cmd_name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            raise click.UsageError(f'there is no verb "{args[0]}"{nearest(args[0], VERBS)}; type: hpcsweep --help', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
@click.version_option(hpcsweep.__version__, prog_name="hpcsweep")
def cli(debug: bool) -> None:
    """Hyper-parameter sweeps on SLURM clusters whose tables are right."""
    spare_home(os.environ)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 ok, 1 some runs failed, 2 bad usage, 3 nothing selected, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    try:
        # Not cli.main(): when the reader of a pipe leaves, it would end with exit code 1, which we use for failed runs.
        with cli.make_context("hpcsweep", [word for word in arguments if word != "--debug"]) as context:
            code = cli.invoke(context)
            sys.stdout.flush()
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        sys.exit(_say(_usage(error), 2))
    except HpcsweepError as error:
        if debug:
            raise
        sys.exit(_say(str(error), error.exit_code))
    except (KeyboardInterrupt, click.Abort):
        sys.exit(_say("interrupted", 130))
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if debug:
            raise
        sys.exit(_say(f"{error.filename or 'the file system'}: {error.strerror or error}", 2))
    except MemoryError:
        sys.exit(_say("out of memory; expected less to read, or a machine with more", 2))
    except Exception as error:  # nothing of a store or a sweep file shall end in a traceback
        if debug:
            raise
        told = " ".join(str(error).split())[:LONGEST_LINE]
        sys.exit(_say(f"{type(error).__name__}: {told}; this was not expected: show where with hpcsweep --debug", 2))
    sys.exit(code if isinstance(code, int) else 0)


def _usage(error: click.ClickException) -> str:
    message = error.format_message()
    where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "hpcsweep"
    hint = "" if "type: " in message else f"; type: {where} --help"
    return message.rstrip(".").replace("\n", " ") + hint


def _say(message: str, code: int) -> int:
    click.echo(printable(f"hpcsweep: {message}"), err=True)
    return code
