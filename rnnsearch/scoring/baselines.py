"""Forecasts that need no network.

    n  training rows      m  forecast rows      h  output shift      w  window      F  inputs

Target row `r` is forecast from its origin `t = r - h`. `close` (rows,) holds positive prices.
`persistence` and `drift` forecast prices (m,), `arima` log returns; ridge and logistic regression
forecast what they were trained on. A baseline that cannot be fitted returns `Skipped`.
"""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsearch.scoring.skipped import Skipped

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]

MIN_TRAIN = 50
"""Fewest training rows of a fitted baseline."""

MAX_BYTES = 200_000_000
"""Largest matrix of flattened windows; a fit holds it twice and its products, about 500 MB."""

PENALTIES = np.logspace(5, -1, 7)
"""Penalties tried, strongest first, per flattened column (those have variance 1)."""

MAX_ARIMA_ROWS = 4_000
ARIMA_ORDERS = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
"""(p, q) of the ARMA models tried on log returns, that is ARIMA(p, 1, q) with drift of log prices.
"""


def persistence(close: Floats, target_rows: Rows, output_shift: int) -> Floats:
    """Nothing changes: `close[t]`."""
    return close[target_rows - output_shift]


def drift(close: Floats, target_rows: Rows, output_shift: int, history: slice) -> Floats:
    """The mean daily growth of `history` goes on: `close[t] * exp(output_shift * mu)`.

    `mu` is the mean of `log(close[i] / close[i-1])` over the rows of `history` (at least two),
    which must end before the first target row. It is estimated once and not updated.
    """
    growth = float(np.diff(np.log(close[history])).mean())
    return persistence(close, target_rows, output_shift) * math.exp(output_shift * growth)


def base_rate(train_rises: Floats, rows: int) -> Floats:
    """The share of rises among the training targets (0 or 1 each), for each of `rows` rows."""
    return np.full(rows, float(train_rises.mean()))


@dataclass(frozen=True, eq=False)
class Fitted:
    """Forecasts (m,) of a fitted baseline, what was chosen, and how many rows it was fitted on.

    `chosen` is for tables, such as "alpha 1,200" or "ARMA(1, 0)". `rows` may be fewer than the
    training rows: the most recent ones that fit into memory.
    """

    forecast: Floats
    chosen: str
    rows: int


def ridge_forecast(
    table: NDArray[np.floating],
    train_ends: Rows,
    train_targets: Floats,
    test_ends: Rows,
    window: int,
    *,
    output_shift: int,
) -> Fitted | Skipped:
    """Ridge regression on each window flattened to `w * F` columns; (m,) targets.

    `table` (rows, F) holds the inputs, delayed by their shifts already; a window is the rows
    `end - w + 1 .. end` and must be finite. `train_ends` (n,) and `test_ends` (m,) increase.
    `train_targets` (n,) are the targets that the rows `train_ends + output_shift` make known.

    Inputs are scaled to mean 0 and deviation 1 over the training rows. The penalty is the best of
    seven on the last fifth of the training rows, by a fit on those before whose targets are known
    by then; then all training rows are fitted. Where the flattened windows would exceed 200 MB,
    only the most recent training rows are used. Nothing is learnt from `test_ends`.

    Skipped: fewer than 50 training rows, targets that do not vary.

    Hoerl & Kennard 1970, Ridge regression: biased estimation for nonorthogonal problems.
    """
    from sklearn.linear_model import Ridge

    def fit(X: NDArray[np.floating], y: Floats, alphas: Floats) -> list[_Predict]:
        # One target per penalty: the Gram matrix is built once.
        ridge = Ridge(alpha=alphas, solver="cholesky")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ill-conditioned: judged by its error all the same
            ridge.fit(X, np.tile(y.astype(X.dtype)[:, None], len(alphas)))
        weights, intercepts = np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_)

        def one(column: int) -> _Predict:
            return lambda X: np.asarray(X @ weights[column] + intercepts[column], dtype=np.float64)

        return [one(column) for column in range(len(alphas))]

    windows = _Windows(table, train_ends, train_targets, window, output_shift)
    if len(windows.targets) and np.ptp(windows.targets) == 0:
        return Skipped("the training targets do not vary")
    return windows.choose_and_forecast(fit, test_ends)


def logistic_forecast(
    table: NDArray[np.floating],
    train_ends: Rows,
    train_rises: Floats,
    test_ends: Rows,
    window: int,
    *,
    output_shift: int,
) -> Fitted | Skipped:
    """Logistic regression with a ridge penalty on flattened windows; probabilities of a rise (m,).

    As `ridge_forecast`, with targets 1 for a rise and 0 for none; the penalty with the smallest
    squared error of the probability (Brier score) is chosen.

    Skipped: fewer than 50 training rows, or only rises (or none) among them or their first part.
    """
    from sklearn.linear_model import LogisticRegression

    def fit(X: NDArray[np.floating], y: Floats, alphas: Floats) -> list[_Predict]:
        def one(alpha: float) -> _Predict:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # not converged: judged by its error all the same
                model = LogisticRegression(C=1 / alpha, max_iter=200).fit(X, y)
            return lambda X: np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64)

        return [one(float(alpha)) for alpha in alphas]

    windows = _Windows(table, train_ends, train_rises, window, output_shift)
    for part in (windows.targets, windows.targets[: windows.known]):
        if len(part) and np.ptp(part) == 0:
            return Skipped("the training targets are all rises or all not")
    return windows.choose_and_forecast(fit, test_ends)


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


class _Predict(Protocol):
    def __call__(self, X: NDArray[np.floating], /) -> Floats: ...


class _Fit(Protocol):
    def __call__(self, X: NDArray[np.floating], y: Floats, alphas: Floats, /) -> list[_Predict]: ...


class _Windows:
    """Scaled, flattened windows of the training rows that fit into memory."""

    def __init__(
        self,
        table: NDArray[np.floating],
        train_ends: Rows,
        targets: Floats,
        window: int,
        output_shift: int,
    ) -> None:
        self.columns = window * table.shape[1]
        self.rows = min(len(train_ends), max(MIN_TRAIN, MAX_BYTES // (4 * self.columns)))
        self.ends, self.targets = train_ends[-self.rows :], targets[-self.rows :]
        # float64 while it is cheap.
        self.dtype = np.float64 if self.rows * self.columns <= 8_000_000 else np.float32
        self.window = window
        self.table = table
        self.cut = self.rows - self.rows // 5
        by_then = self.ends[self.cut] - output_shift if self.cut < self.rows else -1
        self.known = int(np.searchsorted(self.ends, by_then, "right"))

    def choose_and_forecast(self, fit: _Fit, test_ends: Rows) -> Fitted | Skipped:
        """Choose the penalty on the last fifth, fit all rows with it, forecast."""
        if self.rows < MIN_TRAIN:
            return Skipped(f"needs {MIN_TRAIN} training rows, has {self.rows}")
        if self.known < MIN_TRAIN // 2:
            return Skipped(f"too few training rows ({self.rows}) for the output shift")
        span = np.asarray(
            self.table[self.ends[0] - self.window + 1 : self.ends[-1] + 1], dtype=np.float64
        )
        mean, deviation = span.mean(axis=0), span.std(axis=0)
        deviation[deviation == 0] = 1.0
        self.mean, self.deviation = mean, deviation

        X = self._flat(self.ends)
        alphas = PENALTIES * self.columns
        later, outcome = X[self.cut :], self.targets[self.cut :]
        tried = fit(X[: self.known], self.targets[: self.known], alphas)
        errors = [np.mean((predict(later) - outcome) ** 2) for predict in tried]
        best = int(np.argmin(errors))
        predict = fit(X, self.targets, alphas[best : best + 1])[0]
        forecast = np.concatenate([predict(part) for part in self._chunks(test_ends)])
        return Fitted(forecast, f"alpha {alphas[best]:,.4g}", self.rows)

    def _chunks(self, ends: Rows) -> Iterator[NDArray[np.floating]]:
        size = max(1, MAX_BYTES // 4 // (8 * self.columns))
        return (self._flat(ends[start : start + size]) for start in range(0, len(ends), size))

    def _flat(self, ends: Rows) -> NDArray[np.floating]:
        """(n,) -> (n, w * F), oldest row of the window first."""
        flat = np.empty((len(ends), self.window, self.table.shape[1]), dtype=self.dtype)
        for lag in range(self.window):
            rows = self.table[ends - self.window + 1 + lag]
            flat[:, lag] = (rows - self.mean) / self.deviation
        return flat.reshape(len(ends), self.columns)
