"""A variance that a model gives, as a forecast of the log of what will be measured.

n  training rows      m  forecast rows
"""

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring.baselines.base import MIN_TRAIN, Fitted, Task
from rnnsearch.scoring.inference.skipped import Skipped


def of_volatility(task: Task) -> bool:
    """For `applies`: where what is forecast is the log of a volatility."""
    return task.closes is not None


def levelled(task: Task, variance: Floats, chosen: str) -> Fitted | Skipped:
    """The forecasts (m,) of a model that says `variance` (rows,) at each origin, per session.

    In logs it is moved by a constant, the mean error on the training rows whose variance is known:
    what is measured from a range is not what is measured from closes, and the mean of a log lies
    below the log of a mean. NaN where the model says nothing.
    """
    said = np.log(variance) / 2
    before = said[task.train_rows - task.horizon]
    known = np.isfinite(before)
    if int(known.sum()) < MIN_TRAIN:
        return Skipped(f"needs {MIN_TRAIN} training rows, has {int(known.sum())}")
    shift = float(np.mean(task.train_targets[known] - before[known]))
    forecast = said[task.test_rows - task.horizon] + shift
    return Fitted(forecast, chosen, int(known.sum()))
