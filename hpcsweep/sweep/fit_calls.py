"""What the text of a job says of its calls of `fit`: how many follow each other, and on how many devices.

They are read when a job is planned, so that what `fit` would have to refuse after an hour is refused at once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from hpcsweep.errors import JobError
from hpcsweep.sweep.scope import Scope

_DISTRIBUTED = {
    "MirroredStrategy": "tf.distribute",
    "MultiWorkerMirroredStrategy": "tf.distribute",
    "CentralStorageStrategy": "tf.distribute",
    "ParameterServerStrategy": "tf.distribute",
    "TPUStrategy": "tf.distribute",
    "DataParallel": "keras.distribution",
    "ModelParallel": "keras.distribution",
}
_BARE, _PHASED = 100, 1  # so that a sum tells whether a way with several calls has one without a phase
_NEVER = -(10**9)  # the weight of a way that does not exist
_WHERE = ("hpcsweep.training", "hpcsweep.training.fit")


@dataclass(frozen=True)
class _Ways:
    """The heaviest way through some statements to their end, out of the function, and out of the loop around them."""

    through: int = 0
    left: int = _NEVER
    broken: int = _NEVER

    def then(self, after: _Ways) -> _Ways:
        """Return the ways through these statements and those `after` them."""
        return _Ways(
            _sum(self.through, after.through),
            max(self.left, _sum(self.through, after.left)),
            max(self.broken, _sum(self.through, after.broken)),
        )

    def __or__(self, other: _Ways) -> _Ways:
        """Return the ways where one of the two is taken."""
        pairs = ((self.through, other.through), (self.left, other.left), (self.broken, other.broken))
        return _Ways(*(max(pair) for pair in pairs))

    @property
    def most(self) -> int:
        """The heaviest way of all."""
        return max(0, self.through, self.left)


def _sum(one: int, other: int) -> int:
    return max(one + other, _NEVER)


class _Text:
    """One module: under which names `fit` is known there, and what its functions are."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self.names = scope, set(_names_of_fit(scope.module))
        nodes = ast.walk(scope.module)
        self._own = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}

    def function(self, name: str) -> tuple[ast.FunctionDef, Scope] | None:
        """Return the function of the study that a name stands for, and the scope where it is written."""
        if name in self._own:
            return self._own[name], self.scope
        try:
            found = self.scope.find(name) if name.replace(".", "").isidentifier() else None
        except OSError:
            return None
        return (found[0], found[1]) if found and isinstance(found[0], ast.FunctionDef) else None


@dataclass
class FitCalls:
    """The calls of `fit` that one function of a module makes, itself and through other functions of the study.

    `phases` are the names that they give, as far as the text shows them.
    """

    scope: Scope
    lines: list[str] = field(default_factory=list)
    phases: dict[str, None] = field(default_factory=dict)
    has_phases: bool = False

    def __post_init__(self) -> None:
        """Begin in the module of the job."""
        self._texts: dict[PurePosixPath, _Text] = {}
        self._text = self._text_of(self.scope)
        self._being_read: set[tuple[PurePosixPath, str]] = set()

    def _text_of(self, scope: Scope) -> _Text:
        return self._texts.setdefault(scope.path, _Text(scope))

    def require_phases(self, reference: str, function: ast.FunctionDef) -> None:
        """Raise JobError if two calls can follow each other of which one has no phase, or if they would share devices.

        What the text does not show (calls through objects, or through modules outside the study) is left to `fit`.
        """
        heaviest = self._function(function, self.scope)
        if heaviest > _BARE:
            lines = ", ".join(dict.fromkeys(self.lines))
            raise JobError(
                f"{reference}: found fit called more than once in a run (line {lines}), expected a phase for each: "
                'fit(..., phase="head"), then fit(..., phase="fine")'
            )
        if heaviest or self._text.names:
            self._require_one_device(reference)

    def _require_one_device(self, reference: str) -> None:
        for node in (one for one in ast.walk(self.scope.module) if isinstance(one, ast.Attribute | ast.Name)):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in _DISTRIBUTED:
                raise JobError(
                    f"{reference}: found {_DISTRIBUTED[name]}'s {name} in line {node.lineno}, expected one device "
                    "per run: fit trains each run on one, and a sweep fills the others with other runs"
                )

    def _function(self, function: ast.FunctionDef, scope: Scope) -> int:
        place, caller = (scope.path, function.name), self._text
        if place in self._being_read:
            return 0
        self._being_read.add(place)
        self._text = self._text_of(scope)
        try:
            return self._block(function.body).most
        finally:
            self._text = caller
            self._being_read.discard(place)

    def _block(self, statements: Iterable[ast.stmt]) -> _Ways:
        ways = _Ways()
        for statement in statements:
            ways = ways.then(self._statement(statement))
        return ways

    def _statement(self, node: ast.stmt) -> _Ways:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return _Ways()
            case ast.Return() | ast.Raise():
                return _Ways(_NEVER, self._calls(node))
            case ast.Break():
                return _Ways(_NEVER, broken=0)
            case ast.If(test=test, body=body, orelse=orelse):
                return self._first(test, self._block(body) | self._block(orelse))
            case ast.For(iter=head, body=body, orelse=orelse) | ast.While(test=head, body=body, orelse=orelse):
                once = self._block(body)
                ended = _Ways(max(0, 2 * once.through, once.broken), once.left)
                return self._first(head, ended.then(self._block(orelse)))
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                ways = self._block(body).then(self._block(orelse))
                for handler in handlers:
                    ways |= self._block(handler.body)
                return ways.then(self._block(finalbody))
            case ast.With(items=items, body=body):
                return _Ways(sum(self._calls(item) for item in items)).then(self._block(body))
            case ast.Match(subject=subject, cases=cases):
                ways = _Ways()
                for case in cases:
                    ways |= self._block(case.body)
                return self._first(subject, ways)
        return _Ways(self._calls(node))

    def _first(self, expression: ast.expr, ways: _Ways) -> _Ways:
        return _Ways(self._calls(expression)).then(ways)

    def _calls(self, node: ast.AST) -> int:
        """Return the weight of the calls in an expression."""
        match node:
            case ast.Lambda():
                return 0
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._calls(test) + max(self._calls(body), self._calls(orelse))
        inside = sum(self._calls(child) for child in ast.iter_child_nodes(node))
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return 2 * inside
        return inside + (self._call(node) if isinstance(node, ast.Call) else 0)

    def _call(self, call: ast.Call) -> int:
        name = ast.unparse(call.func)
        if name in self._text.names:
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            if None in given and "phase" not in given:  # fit(**settings) may hold one
                return 0
            path = self._text.scope.path
            self.lines.append(str(call.lineno) if path == self.scope.path else f"{call.lineno} of {path}")
            self.has_phases |= "phase" in given
            phase = given.get("phase")
            if isinstance(phase, ast.Constant) and isinstance(phase.value, str):
                self.phases[phase.value] = None
            return _PHASED if "phase" in given else _BARE
        found = self._text.function(name)
        return self._function(*found) if found else 0


def _names_of_fit(module: ast.Module) -> Iterator[str]:
    """Yield the names under which the module's text reaches `hpcsweep.training.fit`."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module in _WHERE:
            yield from (alias.asname or alias.name for alias in node.names if alias.name == "fit")
        elif isinstance(node, ast.ImportFrom) and node.module == "hpcsweep":
            yield from (f"{alias.asname or alias.name}.fit" for alias in node.names if alias.name == "training")
        elif isinstance(node, ast.Import):
            yield from (f"{alias.asname or alias.name}.fit" for alias in node.names if alias.name in _WHERE[:1])
