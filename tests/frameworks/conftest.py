"""A test whose framework is missing is skipped, with the reason; in `make frameworks`, which has them all, it fails."""

from __future__ import annotations

import importlib.util
import os

import pytest

REQUIRED = os.environ.get("HPCSWEEP_FRAMEWORKS") == "required"


def need(package: str) -> None:
    """Skip, or fail in `make frameworks`, if a package is not installed."""
    if importlib.util.find_spec(package) is None:
        reason = f"{package} is not installed here: type `make frameworks`"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
