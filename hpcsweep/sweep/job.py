"""The parameters of a job, read from the text of its file. Nothing is imported, so planning needs no training library.

A job is a function such as

    def train(run, *, layers: int, optimizer: Literal["adam", "sgd"] = "adam", epochs: int) -> dict[str, float]:

Its keyword-only parameters, their annotations and their literal defaults are the schema that a sweep file must fit.
"""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hpcsweep.errors import JobError, nearest
from hpcsweep.sweep.annotations import SUPPORTED, AnnotationError, literal, parse_annotation
from hpcsweep.sweep.choices import EPOCHS
from hpcsweep.sweep.fit_calls import FitCalls
from hpcsweep.sweep.value_types import Exact, Kind, MismatchError, Value, listed

GIVEN_BY_RUN = {"seed": "run.seed", "id": "run.id"}


@dataclass(frozen=True)
class Parameter:
    """One keyword-only parameter of a job; `default` means nothing if `required`."""

    name: str
    annotation: str
    kind: Kind
    required: bool
    default: Value = None


@dataclass(frozen=True)
class JobSchema:
    """What a sweep file may give to a job. `reference` is `path:function`, the path inside the study, with slashes.

    `shares_epochs`: the job has `epochs: int`, and a run of 10 epochs is the start of one of 50.
    """

    reference: str
    path: Path
    function: str
    parameters: tuple[Parameter, ...]
    shares_epochs: bool

    @property
    def file(self) -> str:
        """The path of the job's file from the study's folder, with slashes."""
        return self.reference.rpartition(":")[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in the order of the function's signature."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def defaults(self) -> dict[str, Value]:
        """The default of each parameter that has one."""
        return {one.name: one.default for one in self.parameters if not one.required}

    def parameter(self, name: str) -> Parameter:
        """Return the parameter called `name`; JobError names the nearest if there is none."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise JobError(
            f"{self.reference}: found no parameter {name}, expected one of {listed(self.names)}"
            + nearest(name, self.names)
        )


def absolute(path: Path) -> Path:
    """Return `path` as an absolute path without `..`; links are kept, since a study may be reached through one."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow the links


def split_reference(reference: str) -> tuple[PurePosixPath, str]:
    """Return the path and the function's name of `path.py:function`; JobError unless it lies inside the study."""
    text, colon, function = reference.rpartition(":")
    if not colon or not text or not function.isidentifier():
        raise JobError(f'found "{reference}", expected "path.py:function", such as "jobs/train.py:train"')
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or not text.isprintable():
        raise JobError(
            f'found "{reference}", expected a path from the folder that holds sweeps/ and jobs/, '
            'without "..", such as "jobs/train.py:train"'
        )
    return path, function


def read_job(root: Path, reference: str) -> JobSchema:
    """Return the schema of the job at `reference`, a path from the study's folder `root`.

    Raises JobError, one line, if the file or its function is missing or cannot be a job.
    """
    path, name = split_reference(reference)
    file = root / path
    module = _parse(root, path)
    function = _find(module, name, str(path))
    return _schema(f"{path}:{name}", file, function, module)


def _parse(root: Path, path: PurePosixPath) -> ast.Module:
    try:
        text = (root / path).read_bytes()
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else (error.strerror or "unreadable")
        raise JobError(
            f'found "{path}" ({reason} in the study\'s folder), expected a Python file'
            + nearest(str(path), _python_files(root, path))
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape sequence in a job is not our business
            return ast.parse(text)
    except SyntaxError as error:
        raise JobError(f"{path}: found no valid Python in line {error.lineno} ({error.msg})") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise JobError(f"{path}: found no valid Python ({type(error).__name__}: {error})") from None


def _python_files(root: Path, path: PurePosixPath) -> Iterator[str]:
    folders = dict.fromkeys([path.parent, PurePosixPath("jobs")])
    for folder in folders:
        for file in sorted((root / folder).glob("*.py")):
            yield str(folder / file.name)


def _find(module: ast.Module, name: str, file: str) -> ast.FunctionDef:
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    if name in functions:
        return functions[name]
    others = {getattr(node, "name", ""): type(node) for node in module.body}
    match others.get(name):
        case ast.AsyncFunctionDef:
            raise JobError(f"{file}: found the async function {name}, expected a plain `def {name}(run, *, ...)`")
        case ast.ClassDef:
            raise JobError(f"{file}: found the class {name}, expected a function `def {name}(run, *, ...)`")
    public = [found for found in functions if not found.startswith("_")]
    raise JobError(
        f"{file}: found no function {name}, expected one of those defined there: {listed(public)}"
        + nearest(name, public)
    )


def _schema(reference: str, file: Path, function: ast.FunctionDef, module: ast.Module) -> JobSchema:
    _check_signature(reference, function)
    calls = FitCalls(module)
    calls.require_phases(reference, function)
    aliases = dict(_aliases(module))
    arguments = function.args
    parameters = tuple(
        _parameter(reference, argument, default, aliases)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    )
    epochs = any(one.name == EPOCHS and one.kind == Exact(int) for one in parameters)
    shares_epochs = epochs and _declares_sharing(reference, function, has_phases=calls.has_phases)
    return JobSchema(reference, absolute(file), function.name, parameters, shares_epochs)


def _check_signature(reference: str, function: ast.FunctionDef) -> None:
    arguments = function.args
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    right = f"`def {function.name}(run, *, layers: int, ...)`"
    if not positional:
        raise JobError(f"{reference}: found no first parameter `run`, expected {right}")
    if len(positional) > 1:
        stray = listed(positional[1:])
        raise JobError(f"{reference}: found {stray} before the `*`, expected keyword-only parameters: {right}")
    if arguments.vararg or arguments.kwarg:
        star = f"*{arguments.vararg.arg}" if arguments.vararg else f"**{arguments.kwarg.arg}"  # type: ignore[union-attr]
        raise JobError(f"{reference}: found {star}, expected every parameter by its name: {right}")
    for name in (argument.arg for argument in arguments.kwonlyargs):
        if name in GIVEN_BY_RUN:
            raise JobError(
                f"{reference}: found the parameter {name}, expected none of that name ({GIVEN_BY_RUN[name]} gives it)"
            )


def _aliases(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that the module's top level assigns, with what they stand for."""
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case _ if type(node).__name__ == "TypeAlias":  # `type Name = ...`, Python >= 3.12
                yield node.name.id, node.value  # type: ignore[attr-defined]


def _parameter(reference: str, argument: ast.arg, default: ast.expr | None, aliases: dict[str, ast.expr]) -> Parameter:
    where = f"{reference}: {argument.arg}"
    annotation = ast.unparse(argument.annotation) if argument.annotation else ""
    try:
        kind = parse_annotation(argument.annotation, aliases)
    except AnnotationError as error:
        raise JobError(f"{where}: found the annotation {error}, expected {SUPPORTED}") from None
    if default is None:
        return Parameter(argument.arg, annotation, kind, required=True)
    try:
        value = literal(default)
    except ValueError:
        text = ast.unparse(default)
        raise JobError(f"{where}: found the default {text}, expected a literal such as 3 or 'adam'") from None
    try:
        return Parameter(argument.arg, annotation, kind, required=False, default=kind.accept(value))
    except MismatchError as error:
        text = ast.unparse(default)
        raise JobError(f"{where}: found the default {text}, expected {error} as annotated") from None


def _declares_sharing(reference: str, function: ast.FunctionDef, *, has_phases: bool) -> bool:
    """Whether a run of fewer epochs is the start of a longer one: never with phases, where another phase follows."""
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) not in (
            "hpcsweep.job_options",
            "job_options",
        ):
            continue
        for keyword in decorator.keywords:
            if keyword.arg != "shares_epochs" or not isinstance(keyword.value, ast.Constant):
                text = ast.unparse(keyword)
                raise JobError(f"{reference}: found job_options({text}), expected shares_epochs=True or =False")
            if keyword.value.value and has_phases:
                raise JobError(
                    f"{reference}: found job_options(shares_epochs=True) with phases, expected none: a run of fewer "
                    "epochs is not the start of one of more, if another phase follows it"
                )
            return bool(keyword.value.value)
    return not has_phases
