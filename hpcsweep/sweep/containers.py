"""Containers: the words with which each program starts a command in an image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from glob import has_magic
from pathlib import Path
from typing import Any, NamedTuple

from hpcsweep.errors import UsageError

IMAGE = "HPCSWEEP_IMAGE"  # tells workers in which image they are


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


def newest_image(image: str) -> str:
    """Return the image's file; of a pattern, the newest of the files here that match it, by the numbers in their names.

    Raises UsageError, one line, if none does.
    """
    path = Path(image)
    if not has_magic(image) or path.exists():
        return image
    found = [str(one) for one in Path(path.anchor).glob(str(path.relative_to(path.anchor)))]
    if not found:
        raise UsageError(
            f'container.image: found no file "{image}" here, expected one; name the image as compute nodes see it'
        )
    return max(found, key=_by_version)


def _by_version(path: str) -> tuple[list[int], str]:
    """Return what sorts files by the numbers in their names: 25.02 after 20.07, and 20.07 after 9.12."""
    return [int(number) for number in re.findall(r"\d+", Path(path).name)], path


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
