"""What a job logs or returns as a metric: any one real number, of whatever library, as a float."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Complex, Real
from typing import Any

import numpy as np

from hpcsweep.errors import UsageError

RESULT = "result"  # what the number is called that a job returns alone
_SHOWN = 60  # characters


def real_number(name: object, value: Any, where: str) -> float:
    """Return a metric as a float: a number of Python, NumPy, PyTorch, TensorFlow or JAX, or an array that holds one.

    Raises UsageError, one line that begins with `where`, for what is no single real number: text, None, a complex
    number, several numbers, a date.
    """
    try:
        return float(_plain(value))
    except (TypeError, ValueError, OverflowError, ArithmeticError, RuntimeError) as error:
        what = str(error) if isinstance(error, _NoNumberError) else f"{_shown(value)} ({type(error).__name__}: {error})"
        raise UsageError(f"{where}: {name} is {what}; expected one real number") from None


def real_numbers(name: object, values: Sequence[Any], where: str) -> list[float]:
    """Return the values of a metric in several epochs as floats."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        return [float(value) for value in values]
    return [real_number(name, value, where) for value in values]


def real_metrics(returned: object, where: str) -> dict[str, float]:
    """Return the metrics that a job returned: a mapping of names to numbers, or one number, which is RESULT."""
    if isinstance(returned, Mapping):
        return {metric_name(name, where): real_number(name, value, where) for name, value in returned.items()}
    try:
        return {RESULT: real_number("the return value", returned, where)}
    except UsageError:
        found = f"a {type(returned).__name__}, {_shown(returned)}"
        raise UsageError(f"{where} returned {found}; expected a mapping of numbers, one real number, or None") from None


def metric_name(name: object, where: str) -> str:
    """Return the name of a metric: any text of one line but "epoch"; UsageError for others."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise UsageError(f"{where}: found the metric {_shown(name)}, expected a name, text of one line")
    if name == "epoch":
        raise UsageError(f'{where}: a metric cannot be called "epoch"; choose another name')
    return name


class _NoNumberError(ValueError):
    """The message is what was found."""


def _plain(value: Any) -> Any:
    """Return what `float` takes without loss of meaning: it would drop an imaginary part, and read text."""
    if isinstance(value, (bool, int, float, Decimal)):
        return value
    if isinstance(value, (str, bytes, bytearray)) or value is None:
        raise _NoNumberError(_shown(value))
    kind = str(getattr(value, "dtype", ""))
    if "complex" in kind or (isinstance(value, Complex) and not isinstance(value, Real)):
        raise _NoNumberError(f"{_shown(value)}, a complex number")
    if "datetime" in kind or "timedelta" in kind:
        raise _NoNumberError(f"{_shown(value)}, a time")
    shape = getattr(value, "shape", ())
    if math.prod(map(int, shape)) != 1:
        raise _NoNumberError(f"an array of shape {tuple(map(int, shape))}")
    if isinstance(value, Real):
        return value
    if hasattr(value, "item"):
        return _plain(value.item())
    return _plain(np.asarray(value).reshape(()).item()) if hasattr(value, "dtype") else float(value)


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
