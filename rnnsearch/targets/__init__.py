"""What is forecast: one class per kind, one file each, looked up by name.

get("log_return")     the target of that name
Target                what a kind has to know; add one by a file here that calls one `TARGET`, or in
                      a package of yours by an entry point of the group `rnnsearch.targets`
registry()            every target by name
Quotes                the column that is forecast, and the last price known in each row
Measured              what is forecast, where that is no column of the file
hardest               of several naive forecasts, the one with the smallest error
"""

from rnnsearch.arrays import Floats, Rows
from rnnsearch.targets.base import (
    SCORING,
    Target,
    hardest,
    hardest_of_folds,
    naive_forecasts,
)
from rnnsearch.targets.finding import check, get, ours, package_of, registry
from rnnsearch.targets.log_return import MAX_LOG_RETURN
from rnnsearch.targets.ranges import Measured
from rnnsearch.targets.scale import Quotes, RowScale, Start, TargetScale

__all__ = [
    "MAX_LOG_RETURN",
    "SCORING",
    "Floats",
    "Measured",
    "Quotes",
    "RowScale",
    "Rows",
    "Start",
    "Target",
    "TargetScale",
    "check",
    "get",
    "hardest",
    "hardest_of_folds",
    "naive_forecasts",
    "ours",
    "package_of",
    "registry",
]
