"""Convolutions inside loops on a CPU, as fast as outside.

XLA calls its fast CPU convolution only where examples come first and channels last, and brings other layouts (such as
those of the gradients) into that form only outside of loops. In an epoch's loop they would be many times slower, and
round differently than in `model.fit`; so they are given to XLA in the form that it would bring them into.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax import lax
from jax.extend.core import Literal

from hpcsweep.machine import zip_equal

_NESTED = ("jit", "pjit", "closed_call", "core_call")


def with_canonical_convolutions(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same function of arrays, with its convolutions in the form that XLA is fast at on a CPU."""

    def canonical(*given: Any) -> Any:
        jaxpr, shape = jax.make_jaxpr(function, return_shape=True)(*given)
        results = _evaluate(jaxpr.jaxpr, jaxpr.consts, jax.tree.leaves(given))
        return jax.tree.unflatten(jax.tree.structure(shape), results)

    return canonical


def _evaluate(jaxpr: Any, constants: list[Any], given: list[Any]) -> list[Any]:
    values = dict(zip_equal([*jaxpr.constvars, *jaxpr.invars], [*constants, *given]))

    def value(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        results = _apply(equation, [value(atom) for atom in equation.invars])
        values.update(zip_equal(equation.outvars, results))
    return [value(atom) for atom in jaxpr.outvars]


def _apply(equation: Any, inputs: list[Any]) -> list[Any]:
    options = equation.params
    if equation.primitive is lax.conv_general_dilated_p and options["batch_group_count"] == 1:
        return [_convolve(*inputs, **options)]
    if equation.primitive.name in _NESTED:
        return _evaluate(options["jaxpr"].jaxpr, options["jaxpr"].consts, inputs)
    with equation.ctx.manager:
        results = equation.primitive.bind(*inputs, **equation.primitive.get_bind_params(options))
    return list(results) if equation.primitive.multiple_results else [results]


def _convolve(x: Any, kernel: Any, *, dimension_numbers: Any, **options: Any) -> Any:
    """Convolve as `dimension_numbers` say, with x and the result as [examples, ..., channels] in between."""
    of_x, of_kernel, of_result = dimension_numbers  # the axes of (examples, channels, ...), (out, in, ...)
    x = lax.transpose(x, (of_x[0], *of_x[2:], of_x[1]))
    kernel = lax.transpose(kernel, (*of_kernel[2:], of_kernel[1], of_kernel[0]))
    rank = x.ndim
    last, inner = rank - 1, tuple(range(1, rank - 1))
    numbers = lax.ConvDimensionNumbers((0, last, *inner), (last, rank - 2, *range(rank - 2)), (0, last, *inner))
    result = lax.conv_general_dilated_p.bind(x, kernel, dimension_numbers=numbers, **options)
    places = (of_result[0], *of_result[2:], of_result[1])
    return lax.transpose(result, tuple(places.index(axis) for axis in range(rank)))
