"""GARCH(1, 1), with or without a leverage term: fitted by arch, followed here.

    r  returns (n,) in units of their deviation      e = r - mu      s[i]  variance of e[i] (n + 1,)

    s[i+1] = omega + (alpha + gamma [e[i] < 0]) e[i]^2 + beta s[i]

arch's own forecasts bound each variance by that of the whole series, later rows too, so the
recursion is run here; on rows that it was fitted on both are the same (a test holds them together).
"""

import warnings

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring.baselines.base import MAX_SERIES_ROWS, MIN_TRAIN, Fitted, Task
from rnnsearch.scoring.baselines.volatility.levelled import levelled
from rnnsearch.scoring.inference.skipped import Skipped


def garch(task: Task, *, leverage: bool) -> Fitted | Skipped:
    """The log of the volatility of the next h sessions (m,) by a GARCH(1, 1) of the log returns.

    Fitted by maximum likelihood (normal errors, a constant mean) on the rows of `history`, the last
    4,000 of them, and kept; the variance goes on with every return, and from each origin its
    expectation over the next h sessions is the forecast. `leverage`: falls may count for more.

    Skipped: fewer than 50 returns, returns that do not vary, no convergence.
    """
    assert task.closes is not None
    first = task.history.start or 0
    last = int(task.test_rows.max()) - task.horizon
    returns = np.diff(np.log(task.closes[first : last + 1]))
    known = returns[: task.history.stop - first - 1][-MAX_SERIES_ROWS:]
    if len(known) < MIN_TRAIN:
        return Skipped(f"needs {MIN_TRAIN} daily returns, has {len(known)}")
    unit = float(known.std())
    if unit <= 1e-9 * np.abs(known).max():
        return Skipped("the daily returns do not vary")

    from arch import arch_model

    model = arch_model(
        known / unit, mean="Constant", vol="GARCH", p=1, o=int(leverage), q=1, rescale=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence is asked for
        fit = model.fit(disp="off", show_warning=False)
    if fit.convergence_flag != 0:
        return Skipped("the fit did not converge")
    mu, omega, alpha, *gamma, beta = (float(value) for value in fit.params)
    start = float(model.volatility.backcast(known / unit - mu))
    following = variances(returns / unit - mu, omega, alpha, sum(gamma), beta, start)
    ahead = mean_ahead(following, omega, alpha + sum(gamma) / 2 + beta, task.horizon)
    variance = np.full(len(task.prices), np.nan)
    variance[first : last + 1] = unit**2 * ahead
    fall = f", fall {gamma[0]:.3f}" if gamma else ""
    return levelled(task, variance, f"alpha {alpha:.3f}{fall}, beta {beta:.3f}")


def variances(
    e: Floats, omega: float, alpha: float, gamma: float, beta: float, start: float
) -> Floats:
    """(n,) -> (n + 1,): the variance of each, and of the one that follows.

    `start` is in the place of the variance and the square before the first.
    """
    found = np.empty(len(e) + 1)
    found[0] = omega + (alpha + gamma / 2 + beta) * start
    shocks = (alpha + gamma * (e < 0)) * e**2
    for i, shock in enumerate(shocks):
        found[i + 1] = omega + shock + beta * found[i]
    return found


def mean_ahead(following: Floats, omega: float, persistence: float, sessions: int) -> Floats:
    """The mean expected variance of so many sessions, of which the first has `following`."""
    step, total = following, following.copy()
    for _ in range(1, sessions):
        step = omega + persistence * step
        total += step
    return total / sessions
