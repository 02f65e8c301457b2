"""What the numbers of a sweep support: the best setting, comparisons paired by seed, effects, and all of it in words.

```python
from hpcsweep import statistics
statistics.best("sweeps/quickstart.toml", "val_accuracy")
statistics.compare("sweeps/quickstart.toml", "optimizer", "val_accuracy")
statistics.effects("sweeps/quickstart.toml", "val_accuracy")
```

Other rooms also import `best_set` (what cannot be told from the best), `robust` (medians and their intervals), `paired`
(from how many seeds on anything is claimed), `expected` (what the sweep file expects beside what came out),
`sentences`, and of `compare` what compares several parameters.
"""

from __future__ import annotations

from hpcsweep.statistics.best import Best, best
from hpcsweep.statistics.compare import compare, holm
from hpcsweep.statistics.effects import effects, importance
from hpcsweep.statistics.sentences import sentences

__all__ = ["Best", "best", "compare", "effects", "holm", "importance", "sentences"]
