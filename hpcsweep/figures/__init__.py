"""Figures that are readable in print and for colour-blind readers, each a function that returns a matplotlib Figure.

```python
from hpcsweep import figures
figures.plot("sweeps/quickstart.toml", "curves").savefig("curves.svg")
```

The report also imports `data` (what the figures are drawn from) and `style`.
"""

from __future__ import annotations

from hpcsweep.figures.plot import KINDS, plot, save

__all__ = ["KINDS", "plot", "save"]
