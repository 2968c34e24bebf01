"""The exponentially weighted mean of past variances goes on."""

from rnnsearch.language import marked
from rnnsearch.scoring.baselines.base import Baseline, Fitted, Task
from rnnsearch.scoring.baselines.volatility.levelled import levelled, of_volatility
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.volatility import DECAY, recent_size


def ewma(task: Task) -> Fitted | Skipped:
    """The mean of all variances up to the origin, each weighing 0.94 times the one after it.

    J. P. Morgan & Reuters 1996, RiskMetrics technical document, eq. 5.3, of the variance that is
    measured: where the file has closes alone that is the squared return, as there.
    """
    usual = recent_size(task.prices[1:], float(task.prices[0]))
    return levelled(task, usual**2, f"decay {DECAY:g}")


BASELINE = Baseline(
    name="ewma",
    meaning=marked(
        "an average of past variances, newer ones counting for more, goes on (RiskMetrics)"
    ),
    applies=of_volatility,
    forecast=ewma,
)
