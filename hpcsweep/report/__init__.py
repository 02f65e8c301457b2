"""One self-contained HTML file with everything that a sweep came to. It opens without a network.

```python
from hpcsweep.report import report, write_report
write_report("sweeps/quickstart.toml", "quickstart.html")
```

The command line also imports `content`, which says how many runs are open.
"""

from __future__ import annotations

from hpcsweep.report.page import report, write_report

__all__ = ["report", "write_report"]
