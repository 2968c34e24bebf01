"""Forecasts that need no network, one per file: what the champion is compared with.

Those of volatility are in `volatility`.

registry()      every baseline: those of this folder, and those that other packages bring
run(task, say)  each of them that applies, fitted on training rows, with its cost
Baseline        what one is; add one by a file here that calls one `BASELINE`, or in a package of
                yours by an entry point of the group `rnnsearch.baselines` that names one
Task            what it is asked, and all that it may know
"""

from rnnsearch.arrays import Floats, Rows
from rnnsearch.scoring.baselines.base import Baseline, Fitted, Task
from rnnsearch.scoring.baselines.running import by_name, of_study, registry, run
from rnnsearch.scoring.baselines.theirs import try_own

__all__ = [
    "Baseline",
    "Fitted",
    "Floats",
    "Rows",
    "Task",
    "by_name",
    "of_study",
    "registry",
    "run",
    "try_own",
]
