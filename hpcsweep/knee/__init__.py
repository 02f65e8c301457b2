"""Where do more epochs, or more of anything, stop paying off?

```python
from hpcsweep.knee import knee, marginal, reaching
knee("sweeps/quickstart.toml", "val_accuracy")                      # one row per setting
reaching("sweeps/quickstart.toml", "val_accuracy", [0.6, 0.8])      # first epoch that reaches each
```
"""

from __future__ import annotations

from hpcsweep.knee.answer import KneeFrames, find_knee
from hpcsweep.knee.gains import marginal, reaching
from hpcsweep.knee.point import knee

__all__ = ["KneeFrames", "find_knee", "knee", "marginal", "reaching"]
