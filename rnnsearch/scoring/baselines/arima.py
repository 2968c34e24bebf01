"""ARIMA: a classical time series model of the price alone."""

import warnings
from typing import Any

import numpy as np

from rnnsearch.scoring.baselines.base import MIN_TRAIN, Fitted, Floats, Rows
from rnnsearch.scoring.skipped import Skipped

MAX_ARIMA_ROWS = 4_000
ARIMA_ORDERS = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
"""(p, q) of the ARMA models tried on log returns, that is ARIMA(p, 1, q) with drift of log prices.
"""


def arima(close: Floats, target_rows: Rows, output_shift: int, history: slice) -> Fitted | Skipped:
    """Log returns `log(close[r] / close[t])` (m,) by an ARIMA model of log prices with drift.

    Of six small orders, fitted by maximum likelihood on the rows of `history` (the last 4,000 of
    them), the one with the smallest AIC is taken and its parameters are kept. From each origin it
    forecasts the next h daily returns, given the returns up to the origin, and adds them up.
    `history` must end before the first target row. An order that does not converge is left out.

    Skipped: fewer than 50 returns, returns that do not vary, no order that converges.

    Box & Jenkins 1970, Time series analysis: forecasting and control.
    """
    first = max(history.start or 0, history.stop - MAX_ARIMA_ROWS - 1)
    returns = np.diff(np.log(close[first : int(target_rows.max()) - output_shift + 1]))
    known = returns[: history.stop - first - 1]  # returns[i] is that of row first + i + 1
    if len(known) < MIN_TRAIN:
        return Skipped(f"needs {MIN_TRAIN} daily returns, has {len(known)}")
    scale = float(known.std())
    if scale <= 1e-9 * np.abs(known).max():
        return Skipped("the daily returns do not vary")
    best = _best_arma(known / scale)
    if best is None:
        return Skipped("no ARIMA model converged")
    p, q = best.model.order[0], best.model.order[2]

    from statsmodels.tsa.arima.model import ARIMA

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ARIMA(returns / scale, order=(p, 0, q), trend="c")
        filtered = model.filter(best.params, cov_type="none").filter_results
    # The mean is an observation intercept. State a[t+1|t] gives the next return as Z a, the one
    # j steps later as Z T^j a.
    Z, T = filtered.design[:, :, 0], filtered.transition[:, :, 0]
    weights = sum(Z @ np.linalg.matrix_power(T, step) for step in range(output_shift))
    states = filtered.predicted_state[:, target_rows - output_shift - first]
    mean = float(filtered.obs_intercept[0, 0])
    forecast = scale * (output_shift * mean + np.ravel(weights @ states))
    if not np.isfinite(forecast).all():
        return Skipped("the ARIMA forecast is not a finite number")
    return Fitted(forecast, f"ARIMA({p}, 1, {q}) with drift", len(known))


def _best_arma(returns: Floats) -> Any:
    """The converged fit with the smallest AIC, or None; `returns` have deviation 1."""
    from statsmodels.tsa.arima.model import ARIMA

    fits = []
    for p, q in ARIMA_ORDERS:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # convergence is asked for below
            try:
                fit = ARIMA(returns, order=(p, 0, q), trend="c").fit(cov_type="none")
            except (ValueError, np.linalg.LinAlgError):
                continue
        if fit.mle_retvals["converged"] and np.isfinite(fit.aic):
            fits.append(fit)
    return min(fits, key=lambda fit: fit.aic, default=None)
