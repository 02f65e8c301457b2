"""The type of columns of texts: that of pandas 3, in which a missing text is NaN and never the word "None"."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

_RELEASE = tuple(int(part) for part in pd.__version__.split(".")[:2])


def _type_of_text() -> Any:
    if _RELEASE >= (3, 0):
        return "str"
    return pd.StringDtype("pyarrow", na_value=np.nan) if _RELEASE >= (2, 3) else pd.StringDtype("pyarrow_numpy")


TEXT = _type_of_text()


def with_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame as it was read, with its texts of that type, and those that are categories too."""
    texts = {name: TEXT for name, column in frame.items() if pd.api.types.is_string_dtype(column.dtype)}
    categories = {
        name: column.cat.set_categories(column.cat.categories.astype(TEXT))
        for name, column in frame.items()
        if isinstance(column.dtype, pd.CategoricalDtype) and pd.api.types.is_string_dtype(column.cat.categories.dtype)
    }
    return frame.astype(texts).assign(**{str(name): column for name, column in categories.items()})
