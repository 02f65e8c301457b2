"""Question 4: what is kept? Claims, checkpoints, results, and the names of their files, which no other room knows.

Other rooms find a store by `opening` (from a sweep to its store), read `states`, `results` and `stamps`, write through
`claims`, `checkpoints`, `submissions` and `manifest`, reach files by `layout`, `trajectory_folder`, `events` and
`task_files`, tidy up with `leftovers`;
`causes` says why things ended, `halts` why a submission was stopped, `reader` opens what others may have written,
`sharing` says who may write, `decisions` keeps what was decided once, `remarks` what people say of runs, `wanted` how
many workers a sweep is to have, `array_bytes` is how arrays are written.
`packing` puts the files of what is finished into few; `packs` reads them, unnoticed by who reads by `layout`; `commits`
writes the results of short runs as packs.
`snapshots` keeps the code that made results, `made_by` what it and the data mean; `today` judges that, and `aside` and
`adopt` move results with it.
"""

from hpcsweep.store.decisions import MADE_FROM
from hpcsweep.store.results import Failure, Result
from hpcsweep.store.store import DEFAULT_LEASE_S, Store, locate_store

__all__ = ["DEFAULT_LEASE_S", "MADE_FROM", "Failure", "Result", "Store", "locate_store"]
