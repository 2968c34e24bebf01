"""The HAR regression: tomorrow's volatility from that of the last day, week and month."""

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.language import marked
from rnnsearch.scoring.baselines.base import MIN_TRAIN, Baseline, Fitted, Task
from rnnsearch.scoring.baselines.volatility.levelled import of_volatility
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.targets.volatility import log_mean

SESSIONS = (1, 5, 22)
"""A day, a week and a month."""


def har(task: Task) -> Fitted | Skipped:
    """The log of the volatility of the next h sessions (m,), by least squares on the training rows:

        y[t+h] = c + b_d x(1) + b_w x(5) + b_m x(22),  x(k) log volatility of the last k up to t

    Corsi 2009, A simple approximate long-memory model of realized volatility, in logs and for h
    sessions as by Andersen, Bollerslev & Diebold 2007, Roughing it up. Its weights are kept.

    Skipped: fewer than 50 training rows that have a month before them.
    """
    origins, targets = task.train_rows - task.horizon, task.train_targets
    known = origins >= SESSIONS[-1]  # the first row, before which there is none, is not among them
    if int(known.sum()) < MIN_TRAIN:
        return Skipped(f"needs {MIN_TRAIN} training rows, has {int(known.sum())}")
    design = regressors(task.prices, origins[known])
    weights = np.linalg.lstsq(design, targets[known], rcond=None)[0]
    forecast = regressors(task.prices, task.test_rows - task.horizon) @ weights
    day, week, month = weights[1:]
    return Fitted(forecast, f"day {day:.2f}, week {week:.2f}, month {month:.2f}", int(known.sum()))


def regressors(sigma: Floats, origins: Rows) -> Floats:
    """(n, 4): 1, and the log volatility of the last day, week and month up to each origin."""
    parts = [log_mean(sigma, origins, sessions) for sessions in SESSIONS]
    return np.column_stack([np.ones(len(origins)), *parts])


BASELINE = Baseline(
    name="har",
    meaning=marked("HAR: a straight line through the volatility of the last day, week and month"),
    applies=of_volatility,
    forecast=har,
    rival=marked("HAR (a straight line through the volatility of the last day, week and month)"),
)
