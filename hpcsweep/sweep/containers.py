"""Containers: the words with which each program starts a command in an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Dialect(NamedTuple):
    """What stands before the options and after the image, and the options for binds, folder and environment."""

    verb: tuple[str, ...] = ("exec",)
    after: tuple[str, ...] = ()
    bind: str = "-B"
    folder: str = "--pwd"
    environment: str | None = None  # of a container that does not have the environment of its caller


_SINGULARITY = Dialect()  # and Apptainer
_DIALECTS = {
    "ch-run": Dialect((), ("--",), "-b", "--cd"),  # Charliecloud
    "docker": Dialect(("run", "--rm"), (), "-v", "-w", "-e"),
    "podman": Dialect(("run", "--rm"), (), "-v", "-w", "-e"),
}


def in_container(
    container: Mapping[str, Any],
    words: Sequence[str],
    *,
    binds: Iterable[Path] = (),
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    """Return `words` as run in a container: `command`, `options` and `image` are those of the profile's section.

    The folders `binds` are seen inside under the same names; the command starts in `folder`, with `environment`.
    """
    dialect = _DIALECTS.get(Path(container["command"]).name, _SINGULARITY)
    options = [word for path in binds for word in (dialect.bind, f"{path}:{path}")]
    options += [dialect.folder, str(folder)] if folder else []
    if dialect.environment:
        options += [word for item in (environment or {}).items() for word in (dialect.environment, "=".join(item))]
    own = [str(word) for word in container["options"]]
    return [container["command"], *dialect.verb, *own, *options, container["image"], *dialect.after, *words]
