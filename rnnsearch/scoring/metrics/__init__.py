"""How far forecasts are from what happened, one kind of measure per file.

registry()        every metric: those of this folder, and those that other packages bring
score(scored)     each of them that applies to some rows: the verdict's table
score_trial(...)  the same of a trial, with its naive forecasts beside it
get(key)          the metric of a name: its label, unit, format and meaning
Metric            what one is; add one by a file here that lists it in `METRICS`, or in a package of
                  yours by an entry point of the group `rnnsearch.metrics` that names one
Scored            what it is asked, and all that it may know
"""

from rnnsearch.scoring.metrics.base import (
    NUMBER,
    PERCENT,
    PRICE,
    SHARE,
    TARGET,
    Metric,
    Scored,
    Unit,
    always,
    chance,
    directed,
    priced,
)
from rnnsearch.scoring.metrics.errors import mae, mape, mase, r2, rmse, skill, theil_u2
from rnnsearch.scoring.metrics.hits import directional_accuracy
from rnnsearch.scoring.metrics.running import (
    ORDER,
    brought,
    find,
    get,
    naive_columns,
    of_study,
    registry,
    renamed,
    score,
    score_trial,
    valued_by,
)
from rnnsearch.scoring.metrics.theirs import try_own

__all__ = [
    "NUMBER",
    "ORDER",
    "PERCENT",
    "PRICE",
    "SHARE",
    "TARGET",
    "Metric",
    "Scored",
    "Unit",
    "always",
    "brought",
    "chance",
    "directed",
    "directional_accuracy",
    "find",
    "get",
    "mae",
    "mape",
    "mase",
    "naive_columns",
    "of_study",
    "priced",
    "r2",
    "registry",
    "renamed",
    "rmse",
    "score",
    "score_trial",
    "skill",
    "theil_u2",
    "try_own",
    "valued_by",
]
