"""What the numbers of a sweep support: comparisons paired by seed, effects of parameters, and both in words.

```python
from hpcsweep import statistics
statistics.compare("sweeps/quickstart.toml", "optimizer", "val_accuracy")
statistics.effects("sweeps/quickstart.toml", "val_accuracy")
```

The report also imports `sentences`.
"""

from __future__ import annotations

from hpcsweep.statistics.compare import compare, holm
from hpcsweep.statistics.effects import effects, importance
from hpcsweep.statistics.sentences import sentences

__all__ = ["compare", "effects", "holm", "importance", "sentences"]
