"""Reading a job's parameters from its text: what is understood, what is refused, and that nothing is run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hpcsweep import job_options
from hpcsweep.errors import JobError
from hpcsweep.files import canonical_json
from hpcsweep.sweep.job import JobSchema, read_job
from hpcsweep.sweep.value_types import fitted


def read(folder: Path, text: str, function: str = "train") -> JobSchema:
    """Return the schema of `function` in a job file with `text`."""
    (folder / "job.py").write_text(text, encoding="utf-8")
    return read_job(folder, f"job.py:{function}")


def accepts(folder: Path, annotation: str, value: object, head: str = "") -> object:
    """Return what a parameter with `annotation` makes of `value`; "refused" if it does not take it."""
    kind = read(folder, f"{head}\ndef train(run, *, x: {annotation}): ...\n").parameter("x").kind
    try:
        return fitted(kind, value)
    except ValueError:
        return "refused"


def test_parameters_in_order(tmp_path: Path) -> None:
    """Names, order, annotations, defaults and what is required are those of the function."""
    schema = read(tmp_path, "def train(run, *, b: int, a: str = 'x', c=(1, [2.5, -3]), d: int | None = None): ...\n")
    assert schema.names == ("b", "a", "c", "d")
    assert [one.required for one in schema.parameters] == [True, False, False, False]
    assert schema.defaults == {"a": "x", "c": [1, [2.5, -3]], "d": None}
    assert schema.parameter("d").annotation == "int | None"
    assert (schema.files, schema.reference, schema.shown) == (("job.py",), "job.py:train", "job.py:train")


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        ("int", [3, -1], [True, 1.0, "1", [1]]),
        ("float", [0.5, 2], [True, "0.5", 2**53 + 1]),
        ("str", ["a", ""], [1, True]),
        ("bool", [True, False], [0, 1, "true"]),
        ("int | None", [3, None], [0.5, "x"]),
        ("Optional[int]", [3, None], [0.5]),
        ("typing.Union[int, str]", [3, "x"], [0.5, True]),
        ("'int | None'", [3, None], ["x"]),
        ("Literal['adam', 'sgd']", ["adam"], ["Adam", 1]),
        ("Literal[1, 2]", [1], [True, 1.0, 3]),
        ("Literal['a', None]", ["a", None], ["b"]),
        ("list[int]", [[8, 8], []], [8, [8.5], [True]]),
        ("List[list[float]]", [[[0.5]]], [[0.5]]),
        ("list", [[1, "a"]], [1]),
        ("tuple[int, str]", [[1, "a"]], [[1], ["a", 1]]),
        ("tuple[int, ...]", [[1, 2, 3]], [["a"]]),
        ("list[int] | int", [[8], 8], ["8"]),
        ("Any", [1, "a", [True], {"a": [1]}], []),
        ("Path", ["data/a.csv"], [1]),
        ("pathlib.Path | None", ["a", None], [1]),
        ("dict[str, int]", [{"a": 1}, {}], [{"a": "x"}, [1], 1]),
        ("Mapping[str, list[float]]", [{"a": [0.5]}], [{"a": 0.5}]),
        ("dict", [{"a": [1, {"b": "c"}]}], [1]),
        ("Sequence[int]", [[1, 2]], [[0.5]]),
        ("set[int]", [[1, 2]], [[0.5], 1]),
        ("Annotated[int, Field(gt=0)]", [1], [0.5]),
        ("PositiveInt", [1], [0.5]),
    ],
)
def test_annotations(tmp_path: Path, annotation: str, good: list[object], bad: list[object]) -> None:
    """An annotation decides which values a sweep file may give."""
    for value in good:
        assert accepts(tmp_path, annotation, value) == value
    for value in bad:
        assert accepts(tmp_path, annotation, value) == "refused", value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -0.0, 2**63, {1: "a"}, {1}, b"x", 1j])
@pytest.mark.parametrize("annotation", ["float", "Any", "list"])
def test_unnameable_values_are_refused(tmp_path: Path, annotation: str, value: object) -> None:
    """NaN, infinities, -0.0, ints beyond 64 bits and what TOML or JSON do not have fit no parameter."""
    assert accepts(tmp_path, annotation, [value] if annotation == "list" else value) == "refused"


@pytest.mark.parametrize("alias", ["Width = int | None", "Width: TypeAlias = 'Other'\nOther = Optional[int]"])
def test_aliases_are_followed(tmp_path: Path, alias: str) -> None:
    """A name that the module assigns once stands for its annotation."""
    assert accepts(tmp_path, "list[Width]", [3, None], alias) == [3, None]
    assert accepts(tmp_path, "list[Width]", ["x"], alias) == "refused"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement is new in Python 3.12")
def test_type_statement_is_followed(tmp_path: Path) -> None:
    """`type Width = ...` is an alias as well."""
    assert accepts(tmp_path, "Width", None, "type Width = int | None") is None


def test_nothing_is_run(tmp_path: Path) -> None:
    """Reading a job runs none of it: not its imports, its top level, its decorators or its body."""
    head = "import no_such_module\nopen('ran', 'w')\nraise SystemExit('ran')\n"
    schema = read(tmp_path, head + "@no_such_decorator\ndef train(run, *, x: int): raise SystemExit('ran')\n")
    assert schema.names == ("x",)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def train(run, *rest, x: int): ...", "found *rest"),
        ("def train(run, *, x: int, **rest): ...", "found **rest"),
        ("def train(run, *, seed: str): ...", "seed: found the annotation str, expected int: a seed is the run's seed"),
        ("def train(run, *, id: str): ...", "found the parameter id"),
        ("async def train(run, *, x: int): ...", "found the async function train"),
        ("class train: ...", "found the class train"),
        ("def trian(run, *, x: int): ...", 'expected one of those defined there: trian (did you mean "trian"?)'),
        ("def train(run, *, x: int = EPOCHS): ...", "x: found the default EPOCHS, expected a literal"),
        ("def train(run, *, x: int = None): ...", "x: found the default None, expected int as annotated"),
        ("def train(run, *, x={1: 'a'}): ...", "x: found the default {1: 'a'}, expected a literal"),
        ("def train(run, *, x: float = -0.0): ...", "x: found the default -0.0, expected a literal"),
        ("def train(run, *, x: float = 1e999): ...", "x: found the default"),
        ("def train(run, *, x: np.ndarray): ...", "x: found the annotation np.ndarray, expected int, float"),
        ("def train(run, *, x: dict[int, str]): ...", "x: found the annotation dict[int, str]"),
        ("def train(run, x: list[C]): ...\n@dataclass\nclass C:\n    a: int", "x: found the annotation C"),
        ("A = B\nB = A\ndef train(run, *, x: A): ...", "x: found the annotation"),
        ("def train(run, *, x: 'int |'): ...", "x: found the annotation"),
        ("def train(run:", "found no valid Python in line 1"),
        ("x = '\0'", "found no valid Python"),
        (
            "@job_options(shares_epochs=FLAG)\ndef train(run, *, epochs: int): ...",
            "expected shares_epochs=True or =False",
        ),
    ],
)
def test_unfit_jobs_are_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    """A function that cannot be a job is refused by a JobError that says what was found and expected."""
    with pytest.raises(JobError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "reference",
    ["job.py", ":train", "job.py:", "/job.py:train", "../job.py:train", "a/../job.py:train", "a\\b.py:train"],
)
def test_references_stay_inside_the_study(tmp_path: Path, reference: str) -> None:
    """A job reference is a relative path without `..`, and a function's name."""
    with pytest.raises(JobError, match="expected"):
        read_job(tmp_path, reference)


def test_reference_has_one_spelling(tmp_path: Path) -> None:
    """`./job.py:train` is the same job as `job.py:train`, so that ids do not depend on the spelling."""
    (tmp_path / "job.py").write_text("def train(run): ...")
    assert read_job(tmp_path, "./job.py:train").reference == "job.py:train"


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("def train(run, *, epochs: int): ...", True),
        ("def train(run, *, epochs: int = 5): ...", True),
        ("def train(run, *, epochs): ...", False),
        ("def train(run, *, epochs: int | None): ...", False),
        ("def train(run, *, steps: int): ...", False),
        ("@hpcsweep.job_options(shares_epochs=False)\ndef train(run, *, epochs: int): ...", False),
        ("@job_options(shares_epochs=True)\ndef train(run, *, epochs: int): ...", True),
        ("@cached(shares_epochs=False)\ndef train(run, *, epochs: int): ...", True),
    ],
)
def test_sharing_of_epochs(tmp_path: Path, text: str, shares: bool) -> None:
    """Runs share epochs if the job has `epochs: int` and does not declare otherwise."""
    assert read(tmp_path, text).shares_epochs is shares


def test_job_options_leave_the_function_alone() -> None:
    """At run time the decorator gives the function back unchanged."""

    def train() -> None: ...

    assert job_options(shares_epochs=False)(train) is train


@pytest.mark.parametrize(
    ("signature", "names"),
    [
        ("run, *, x, y=1", ("x", "y")),
        ("run, x, y=1", ("x", "y")),
        ("run, x, /, y=1", ("x", "y")),
        ("x, y=1", ("x", "y")),
        ("x", ("x",)),
        ("*, x", ("x",)),
        ("x, run=None", ("x",)),
        ("handle, *, x", ("x",)),
        ("x, seed, y", ("x", "y")),
        ("x: int, *, y", ("x", "y")),
        ("run", ()),
    ],
)
def test_who_is_the_run(tmp_path: Path, signature: str, names: tuple[str, ...]) -> None:
    """`run` is the run wherever it stands, as is a bare first argument before the `*`; the seed is not swept."""
    assert read(tmp_path, f"def train({signature}): ...").names == names


CONFIG = """
from dataclasses import dataclass, field
from pathlib import Path
import enum
RATE = 0.5
class Kind(enum.Enum):
    ADAM = "adam"
    SGD = "sgd"
@dataclass
class Optimizer:
    lr: float = RATE
    kind: Kind = Kind.ADAM
    seed: int = 3
@dataclass(frozen=True)
class Base:
    epochs: int
@dataclass(frozen=True)
class Config(Base):
    optimizer: Optimizer = field(default_factory=lambda: Optimizer(lr=0.25))
    layers: list[int] = field(default_factory=list)
    out: Path = Path("models")
    cache: dict = field(default_factory=dict, init=False)
"""


def test_fields_of_a_class_are_parameters(tmp_path: Path) -> None:
    """A dataclass gives its fields with their defaults, inherited and nested ones too, all but a seed."""
    schema = read(tmp_path, CONFIG + "def train(run, config: Config, width: int = 8): ...")
    nested = ("config.optimizer.lr", "config.optimizer.kind")
    assert schema.names == ("config.epochs", *nested, "config.layers", "config.out", "width")
    assert [one.name for one in schema.parameters if one.required] == ["config.epochs"]
    assert schema.defaults["config.optimizer.lr"] == 0.25
    assert schema.defaults["config.optimizer.kind"] == "adam"
    assert schema.defaults["config.out"] == "models"
    assert not schema.shares_epochs


def test_defaults_of_the_signature_come_first(tmp_path: Path) -> None:
    """What `config: Config = Config(...)` says replaces the defaults of the class, field by field."""
    default = "Config(epochs=3, optimizer=Optimizer(lr=RATE))"
    schema = read(tmp_path, CONFIG + f"def train(config: 'Config' = {default}): ...")
    assert schema.defaults["config.epochs"] == 3
    assert schema.defaults["config.optimizer.lr"] == 0.5
    assert not any(one.required for one in schema.parameters)


@pytest.mark.parametrize(
    ("imports", "annotation"),
    [
        ("from settings import Config", "Config"),
        ("from settings import Config as C", "C"),
        ("import settings", "settings.Config"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from settings import Config", "'Config'"),
    ],
)
def test_classes_of_other_modules_are_read(tmp_path: Path, imports: str, annotation: str) -> None:
    """A class of fields that another module of the study defines is found by its import."""
    (tmp_path / "settings.py").write_text(CONFIG)
    assert "config.optimizer.lr" in read(tmp_path, f"{imports}\ndef train(run, config: {annotation}): ...").names


@pytest.mark.parametrize("base", ["BaseModel", "pydantic.BaseModel", "NamedTuple", "TypedDict", "Base"])
def test_other_classes_of_fields(tmp_path: Path, base: str) -> None:
    """Pydantic models, named tuples and typed dictionaries give their fields as a dataclass does."""
    fields = "    lr: float = Field(0.5, gt=0)\n    model_config: Any = 3\n"
    text = f"class Base(BaseModel): ...\nclass Config({base}):\n{fields}"
    schema = read(tmp_path, text + "def train(config: Config): ...")
    assert schema.defaults == {"config.lr": 0.5}


def test_a_module_is_the_same_job_as_its_file(tmp_path: Path) -> None:
    """`package.module:function` has the reference of `package/module.py:function`, so that ids are the same."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "dense.py").write_text("def train(run): ...")
    (tmp_path / "jobs" / "__init__.py").write_text("def train(run): ...")
    assert read_job(tmp_path, "jobs.dense:train").reference == "jobs/dense.py:train"
    assert read_job(tmp_path, "jobs:train").reference == "jobs/__init__.py:train"


def test_equal_sets_and_tables_are_one_value(tmp_path: Path) -> None:
    """The order of a set, or of the keys of a table, is no part of its meaning."""
    assert accepts(tmp_path, "set[str]", ["b", "a", "b"]) == ["a", "b"]
    tables = [{"a": 1, "b": 2}, {"b": 2, "a": 1}]
    assert len({canonical_json(accepts(tmp_path, "dict[str, int]", table)) for table in tables}) == 1
