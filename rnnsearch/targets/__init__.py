"""What is forecast: one class per kind, looked up once where the study file is read.

get("log_return")     the target of that name
Target                what a kind has to know; add one by a file here and a line in TARGETS
Quotes                the column that is forecast, and the last price known in each row
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
from rnnsearch.targets.direction import Direction
from rnnsearch.targets.level import Level
from rnnsearch.targets.log_return import MAX_LOG_RETURN, LogReturn
from rnnsearch.targets.scale import Quotes, RowScale, Start, TargetScale

__all__ = [
    "MAX_LOG_RETURN",
    "SCORING",
    "TARGETS",
    "Floats",
    "Quotes",
    "RowScale",
    "Rows",
    "Start",
    "Target",
    "TargetScale",
    "get",
    "hardest",
    "hardest_of_folds",
    "naive_forecasts",
]

TARGETS: dict[str, Target] = {target.name: target for target in (LogReturn(), Level(), Direction())}


def get(name: str) -> Target:
    """The target of this name. Raises KeyError: the study file has been checked before."""
    return TARGETS[name]
