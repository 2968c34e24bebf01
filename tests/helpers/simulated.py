"""Many price files at once whose forecasts are least squares, where training networks takes hours.

    B files     T sessions     F inputs     h output shift: y[t] sums the returns of t+1 .. t+h

Returns have variance 1 over the long run: GARCH(1,1) with Student's t of 5 degrees of freedom, so
quiet and wild times take turns, as in markets. Everything is known at the end of its session.
"""

import numpy as np

from rnnsearch.arrays import Floats

BEFORE = 300
"""Sessions before the first training row: indicators are made from them."""

INDICATORS = 6


def garch_returns(rng: np.random.Generator, files: int, sessions: int) -> Floats:
    """Returns that nobody can forecast, (B, T)."""
    freedom, shock, memory, burn = 5, 0.08, 0.9, 200
    draws = rng.standard_t(freedom, (sessions + burn, files)) * np.sqrt((freedom - 2) / freedom)
    variance, returns = np.ones(files), np.empty((sessions + burn, files))
    for session in range(sessions + burn):
        returns[session] = np.sqrt(variance) * draws[session]
        variance = (1 - shock - memory) + shock * returns[session] ** 2 + memory * variance
    return returns[burn:].T


def daily(annual_sharpe: float) -> float:
    """The mean of a session's return of variance 1."""
    return annual_sharpe / float(np.sqrt(252))


def autoregressions(rng: np.random.Generator, phi: Floats, files: int, sessions: int) -> Floats:
    """Inputs of variance 1 that know nothing, phi (F,) -> (B, T, F)."""
    burn = 200
    shocks = rng.standard_normal((sessions + burn, files, len(phi)))
    series, state = np.empty((sessions, files, len(phi))), shocks[0]
    for session in range(1, sessions + burn):
        state = phi * state + np.sqrt(1 - phi**2) * shocks[session]
        if session >= burn:
            series[session - burn] = state
    return series.transpose(1, 0, 2)


def mixed_persistence(inputs: int) -> Floats:
    """Half of the inputs white, a quarter with 0.9, a quarter with 0.98: (F,)."""
    return np.array([(0.0, 0.9, 0.0, 0.98)[number % 4] for number in range(inputs)])


def indicators(returns: Floats) -> Floats:
    """What indicators see: returns of 1, 5, 20 and 60 sessions, price less its mean of 20 and 200.

    (B, T) -> (B, T, 6); 0 in the sessions that lack a past.
    """
    prices = returns.cumsum(axis=1)
    columns = [_last(returns, sessions) / np.sqrt(sessions) for sessions in (1, 5, 20, 60)]
    columns += [prices - _last(prices, sessions) / sessions for sessions in (20, 200)]
    made = np.stack(columns, axis=2)
    made[:, :200] = 0
    return made


def ahead(returns: Floats, horizon: int) -> Floats:
    """(B, T) -> (B, T-h): what the h sessions after each bring together."""
    summed = _cumulated(returns)
    return summed[:, horizon + 1 :] - summed[:, 1:-horizon]


def least_squares(inputs: Floats, targets: Floats, rows: slice) -> Floats:
    """Forecasts of all rows by a regression on `rows`: (B, T, F), (B, T) -> (B, T)."""
    design = np.concatenate([np.ones((*inputs.shape[:2], 1)), inputs], axis=2)
    chosen = design[:, rows]
    turned = chosen.transpose(0, 2, 1)
    slopes = np.linalg.solve(turned @ chosen, turned @ targets[:, rows, None])
    return np.asarray((design @ slopes)[:, :, 0], dtype=np.float64)


def _cumulated(values: Floats) -> Floats:
    return np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)


def _last(values: Floats, sessions: int) -> Floats:
    """The sum of the last so many values, 0 where there are fewer."""
    summed = _cumulated(values)
    result = np.zeros_like(values)
    result[:, sessions - 1 :] = summed[:, sessions:] - summed[:, :-sessions]
    return result
