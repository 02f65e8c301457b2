"""Values drawn for the [random] section: each a pure function of (sample_seed, parameter's name, index).

So the samples are the same on every machine and Python version, asking for more keeps the first ones, and another
parameter changes nothing about the others. No library's generator is used, since a library may change its streams.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Context, Decimal

from hpcsweep.sweep.value_types import Kind, Value

FRACTION_BITS = 53  # what a float holds exactly
EXACT = Context(prec=40)  # Decimal's ln and exp are rounded correctly, the C library's are not


@dataclass(frozen=True)
class Draw:
    """How one parameter is drawn: from `choices` if there are any; otherwise from `low` to `high`, both included.

    `log`: uniform in the logarithm. `whole`: whole numbers. `kind` is that of the parameter; every value fits it.
    """

    kind: Kind
    choices: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False


def draw(how: Draw, name: str, samples: int, sample_seed: int) -> list[Value]:
    """Return `samples` values of the parameter `name`."""
    return [how.kind.accept(_value(how, _fraction(sample_seed, name, index))) for index in range(samples)]


def _fraction(sample_seed: int, name: str, index: int) -> int:
    """Return a number of FRACTION_BITS bits, uniform: the numerator of a fraction in [0, 1)."""
    digest = hashlib.sha256(f"{sample_seed}/{name}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - FRACTION_BITS)


def _value(how: Draw, fraction: int) -> Value:
    if how.choices:
        return how.choices[fraction * len(how.choices) >> FRACTION_BITS]
    if how.whole and not how.log:
        return int(how.low) + (fraction * (int(how.high) - int(how.low) + 1) >> FRACTION_BITS)
    share = fraction / float(2**FRACTION_BITS)
    if not how.log:
        return min(how.low + share * (how.high - how.low), how.high)
    above = how.high + 1 if how.whole else how.high
    value = _between_logarithms(how.low, above, share)
    return min(int(value), int(how.high)) if how.whole else min(max(value, how.low), how.high)


def _between_logarithms(low: float, high: float, share: float) -> float:
    start, end = EXACT.ln(Decimal(low)), EXACT.ln(Decimal(high))
    return float(EXACT.exp(EXACT.add(start, EXACT.multiply(Decimal(share), EXACT.subtract(end, start)))))
