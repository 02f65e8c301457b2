"""The parameters of a job, read from the text of its file. Nothing is imported, so planning needs no training library.

A job is a function such as

    def train(run, *, layers: int, optimizer: Literal["adam", "sgd"] = "adam", epochs: int) -> dict[str, float]:

Its parameters, their annotations and their literal defaults are the schema that a sweep file must fit. `run` is
optional; `seed` is given by the run. Of a parameter that is a class of fields, each field is a parameter.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hpcsweep.errors import JobError, nearest
from hpcsweep.sweep.annotations import SUPPORTED, AnnotationError, constant, parse_annotation
from hpcsweep.sweep.choices import EPOCHS, RUN, SEED
from hpcsweep.sweep.config_classes import Declared, fields_of
from hpcsweep.sweep.fit_calls import FitCalls
from hpcsweep.sweep.scope import Scope, parse_module
from hpcsweep.sweep.value_types import Exact, Kind, MismatchError, Value, listed

EXPECTED_REFERENCE = 'expected "path.py:function" or "package.module:function", such as "jobs/train.py:train"'


@dataclass(frozen=True)
class Parameter:
    """One parameter of a job, or one field of a class that it takes; `default` means nothing if `required`."""

    name: str
    annotation: str
    kind: Kind
    required: bool
    default: Value = None


@dataclass(frozen=True)
class JobSchema:
    """What a sweep file may give to a job.

    `reference` is `path:function`, or that of a command; `files` are the job's own files, by their paths from the
    study's folder, with slashes; `shown` is what error lines call it. `shares_epochs`: the job has `epochs: int`, and a
    run of 10 epochs is the start of one of 50. `phases` are those that its calls of `fit` name.
    """

    reference: str
    files: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    shares_epochs: bool
    shown: str
    phases: tuple[str, ...] = ()

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
            f"{self.shown}: found no parameter {name}, expected one of {listed(self.names)}" + nearest(name, self.names)
        )


def absolute(path: Path) -> Path:
    """Return `path` as an absolute path without `..`; links are kept, since a study may be reached through one."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow the links


def split_reference(reference: str) -> tuple[tuple[PurePosixPath, ...], str]:
    """Return the paths where the file of a job may lie, and the function's name; JobError unless inside the study.

    `path.py:function` has one, `package.module:function` the module's and that of a package of this name.
    """
    text, colon, function = reference.rpartition(":")
    if not colon or not text or not function.isidentifier():
        raise JobError(f'found "{reference}", {EXPECTED_REFERENCE}')
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or not text.isprintable():
        raise JobError(
            f'found "{reference}", expected a path from the folder that holds sweeps/ and jobs/, '
            'without "..", such as "jobs/train.py:train"'
        )
    parts = text.split(".")
    if parts[-1] == "py" or not all(part.isidentifier() for part in parts):
        return (path,), function
    module = PurePosixPath(*parts)
    return (module.with_suffix(".py"), module / "__init__.py"), function


def read_job(root: Path, reference: str) -> JobSchema:
    """Return the schema of the job at `reference`, from the study's folder `root`.

    Its `reference` is always `path:function`, however the job was named, so that it is one job. Raises JobError, one
    line, if the file or its function is missing or cannot be a job.
    """
    paths, name = split_reference(reference)
    path = next((path for path in paths if (root / path).is_file()), paths[0])
    module = _parse(root, path)
    function = _find(module, name, str(path))
    return _schema(root, path, function, module)


def _parse(root: Path, path: PurePosixPath) -> ast.Module:
    try:
        return parse_module(root, path)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else (error.strerror or "unreadable")
        raise JobError(
            f'found "{path}" ({reason} in the study\'s folder), expected a Python file'
            + nearest(str(path), _python_files(root, path))
        ) from None


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
            raise JobError(f"{file}: found the async function {name}, expected a plain `def {name}(run, ...)`")
        case ast.ClassDef:
            raise JobError(f"{file}: found the class {name}, expected a function `def {name}(run, ...)`")
    public = [found for found in functions if not found.startswith("_")]
    raise JobError(
        f"{file}: found no function {name}, expected one of those defined there: {listed(public)}"
        + nearest(name, public)
    )


def _schema(root: Path, path: PurePosixPath, function: ast.FunctionDef, module: ast.Module) -> JobSchema:
    reference = f"{path}:{function.name}"
    scope = Scope(root, path, module)
    calls = FitCalls(scope)
    calls.require_phases(reference, function)
    parameters = tuple(_parameters(reference, function, scope))
    epochs = any(one.name == EPOCHS and one.kind == Exact(int) for one in parameters)
    shares_epochs = epochs and _declares_sharing(reference, function, has_phases=calls.has_phases)
    return JobSchema(reference, (str(path),), parameters, shares_epochs, reference, tuple(calls.phases))


def _parameters(reference: str, function: ast.FunctionDef, scope: Scope) -> Iterator[Parameter]:
    """Give the parameters that a sweep file may set, in the order of the signature: all but the run and its seed."""
    for argument, default in _swept_arguments(reference, function.args):
        declared = Declared(argument.arg, argument.annotation, default, scope, scope)
        found = 0
        for one in fields_of(reference, declared):
            parameter = _parameter(reference, one)
            if one.name.rpartition(".")[2] == SEED:
                _check_seed(reference, one, parameter.kind)
                continue
            found += 1
            yield parameter
        if not found and argument.arg != SEED:
            raise JobError(f"{reference}: {argument.arg}: found a class without fields to set, expected at least one")


def _swept_arguments(reference: str, arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Give each argument but the run, with its default."""
    if arguments.vararg or arguments.kwarg:
        star = f"*{arguments.vararg.arg}" if arguments.vararg else f"**{arguments.kwarg.arg}"  # type: ignore[union-attr]
        raise JobError(f"{reference}: found {star}, expected every parameter by its name, such as layers: int")
    positional = [*arguments.posonlyargs, *arguments.args]
    without = [None] * (len(positional) - len(arguments.defaults))
    defaults = [*without, *arguments.defaults, *arguments.kw_defaults]
    run = _run_argument(arguments)
    for argument, default in zip([*positional, *arguments.kwonlyargs], defaults, strict=True):
        if argument.arg == "id":
            raise JobError(f"{reference}: found the parameter id, expected none of that name (run.id gives it)")
        if argument is not run:
            yield argument, default


def _run_argument(arguments: ast.arguments) -> ast.arg | None:
    """Return the argument that is the run: the one of this name, else a bare first one before the `*`."""
    positional = [*arguments.posonlyargs, *arguments.args]
    named = [one for one in (*positional, *arguments.kwonlyargs) if one.arg == RUN]
    bare = len(positional) == 1 and not positional[0].annotation and not arguments.defaults and arguments.kwonlyargs
    return named[0] if named else positional[0] if bare else None


def _parameter(reference: str, declared: Declared) -> Parameter:
    where = f"{reference}: {declared.name}"
    annotation = ast.unparse(declared.annotation) if declared.annotation else ""
    try:
        kind = parse_annotation(declared.annotation, declared.scope)
    except AnnotationError as error:
        raise JobError(f"{where}: found the annotation {error}, expected {SUPPORTED}") from None
    if declared.default is None:
        return Parameter(declared.name, annotation, kind, required=True)
    text = ast.unparse(declared.default)
    try:
        value = constant(declared.default, declared.default_scope)
    except (ValueError, TypeError, RecursionError):
        raise JobError(f"{where}: found the default {text}, expected a literal such as 3 or 'adam'") from None
    try:
        return Parameter(declared.name, annotation, kind, required=False, default=kind.accept(value))
    except MismatchError as error:
        raise JobError(f"{where}: found the default {text}, expected {error} as annotated") from None


def _check_seed(reference: str, declared: Declared, kind: Kind) -> None:
    try:
        kind.accept(0)
    except MismatchError:
        text = ast.unparse(declared.annotation) if declared.annotation else ""
        raise JobError(
            f"{reference}: {declared.name}: found the annotation {text}, expected int: a seed is the run's seed"
        ) from None


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
