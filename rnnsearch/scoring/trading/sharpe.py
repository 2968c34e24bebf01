"""The Sharpe ratio of returns: how sure it is, and how much of it may be luck.

    T  sessions     r  returns beyond interest on cash     SR  their mean / standard deviation

Everything here is per session, as in the papers; a year's is SR times the root of its sessions.
Probabilities come from closed forms of the papers, because libraries that have them (purgedcv,
skfolio) take returns alone, so that the papers' own examples cannot be held against them; purgedcv
is a second opinion in the tests.
"""

import math
from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference.skipped import Skipped

FEWEST = 20
"""Sessions below which nothing is told."""

DRAWS, SEED = 1000, 20140
LEVEL = 0.95
"""Of the interval."""


@dataclass(frozen=True)
class Sharpe:
    """A Sharpe ratio per session.

    error        its standard error
    low, high    bounds of the bootstrap interval
    probability  that the true ratio is above 0
    """

    value: float
    error: float
    low: float
    high: float
    probability: float


def ratio(returns: Floats) -> Floats:
    """(T, k) -> (k,); of returns that do not vary 0 where they are 0, else not a number."""
    spread = returns.std(axis=0, ddof=1)
    mean = returns.mean(axis=0)
    flat = np.ptp(returns, axis=0) <= 1e-12
    with np.errstate(divide="ignore", invalid="ignore"):
        told = np.where(flat, np.where(np.abs(mean) <= 1e-12, 0.0, np.nan), mean / spread)
    return np.asarray(told, dtype=np.float64)


def sharpe(returns: Floats) -> Sharpe | Skipped:
    """The ratio of `returns` (T,), and how sure it is."""
    if len(returns) < FEWEST:
        return Skipped(f"needs {FEWEST} sessions, has {len(returns)}")
    if np.ptp(returns) <= 1e-12:
        return Skipped("nothing was earned or lost in any session")
    value = float(ratio(returns[:, None])[0])
    return Sharpe(
        value,
        standard_error(returns),
        *interval(returns),
        probability(value, len(returns), *shape(returns)),
    )


def standard_error(returns: Floats, lags: int | None = None) -> float:
    """Of the ratio of `returns` (T,), by the delta method on mean and variance.

    Lo 2002, The statistics of Sharpe ratios, for returns that are only stationary (his GMM
    estimator, with Newey & West's weights over T^(1/3) lags). Of independent normal returns it is
    his eq. 9, sqrt((1 + SR² / 2) / T).
    """
    T = len(returns)
    lags = math.ceil(T ** (1 / 3)) if lags is None else lags
    z = (returns - returns.mean()) / returns.std()
    moved = z - returns.mean() / returns.std() / 2 * (z**2 - 1)
    variance = float(np.mean(moved**2))
    for lag in range(1, min(lags, T - 1) + 1):
        weight = 1 - lag / (lags + 1)
        variance += 2 * weight * float(np.sum(moved[lag:] * moved[:-lag])) / T
    return math.sqrt(max(variance, 0.0) / T)


def interval(returns: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Where the ratio of `returns` (T,) lies in `level` of resamples.

    Politis & Romano 1994, The stationary bootstrap: blocks of random length, so that quiet and wild
    times stay together; their mean length is that of Politis & White 2004.
    """
    from arch.bootstrap import StationaryBootstrap

    drawn = StationaryBootstrap(_block(returns), returns, seed=np.random.default_rng(SEED))
    ratios = drawn.apply(lambda sample: ratio(sample[:, None]), DRAWS)[:, 0]
    low, high = np.nanquantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def shape(returns: Floats) -> tuple[float, float]:
    """Skewness and kurtosis (3 of a normal distribution)."""
    z = (returns - returns.mean()) / returns.std()
    return float(np.mean(z**3)), float(np.mean(z**4))


def probability(
    value: float, sessions: int, skewness: float, kurtosis: float, hurdle: float = 0.0
) -> float:
    """That the true ratio is above the `hurdle`: the probabilistic Sharpe ratio.

    Bailey & López de Prado 2012, The Sharpe ratio efficient frontier, eq. 11. Against the hurdle of
    `luck` it is the deflated one: Bailey & López de Prado 2014, The deflated Sharpe ratio, eq. 2.
    """
    from scipy.stats import norm

    variance = 1 - skewness * value + (kurtosis - 1) / 4 * value**2
    # It is a square, so it is not below 0 but for rounding: kurtosis >= 1 + skewness².
    spread = math.sqrt(max(variance, 1e-12) / (sessions - 1))
    return float(norm.cdf((value - hurdle) / spread))


def luck(trials: int, spread: float) -> float:
    """The best ratio to be expected of `trials` without any ability, whose ratios have `spread`.

    Bailey & López de Prado 2014, eq. 1: the maximum of so many normal draws. 0 for one trial.
    """
    from scipy.stats import norm

    if trials < 2:
        return 0.0
    first, second = norm.ppf([1 - 1 / trials, 1 - 1 / (trials * math.e)])
    return spread * float((1 - np.euler_gamma) * first + np.euler_gamma * second)


def spread_by_luck(ratios: Floats, sessions: int, T: int) -> float:
    """How far ratios of T sessions of trials without ability lie apart: their standard deviation.

    As the `ratios` (k,) of the trials do in so many other `sessions`, where the variance of a ratio
    falls with their number; but at most 1 / sqrt(T), which is Lo's standard error without ability.
    What trials differ by beyond that is what they can, and no luck: taken for luck, as the paper
    has it, a search in which some trials find a signal would hide it (measured: of files with an R²
    of 0.05 none was seen).
    """
    most = 1 / math.sqrt(T)
    known = ratios[np.isfinite(ratios)]
    if len(known) < 2:
        return most
    return min(most, float(known.std(ddof=1)) * math.sqrt(sessions / T))


def _block(returns: Floats) -> int:
    """Politis & White's mean length of blocks, from 1 to a tenth of the sessions."""
    import warnings

    from arch.bootstrap import optimal_block_length

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # returns of which most are the same
        length = float(optimal_block_length(returns)["stationary"].iloc[0])
    return int(np.clip(round(length), 1, len(returns) // 10)) if math.isfinite(length) else 1
