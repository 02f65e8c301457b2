"""pyarrow, or one line on what to install: its release 26 needs NumPy 2, and its installation does not see to that."""

from __future__ import annotations

from hpcsweep.errors import MissingPackageError

try:
    import pyarrow as pyarrow
    from pyarrow import parquet as parquet
except ImportError as error:
    raise MissingPackageError(f"{error}; expected one that works here; type: pip install 'pyarrow<26'") from error
