"""How much of the best trial is luck, when many were tried?

    n  rows (validation dates in time order)      k  trials      S  blocks of rows

Losses are one number per row and trial, such as squared errors, on the same rows for all: (n, k).
Trials with the same losses on every row are counted once. A test that does not apply returns
`Skipped` with its reason; no result holds NaN.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference.significance import variance_lags
from rnnsearch.scoring.inference.skipped import Skipped

Indices: TypeAlias = NDArray[np.int64]

MIN_ROWS = 60
"""Fewest rows of a test over trials."""

MIN_TRIALS = 10
"""Fewest different trials for the probability of overfitting: with k trials a rank has k values."""

MAX_SPA_TRIALS = 2_000
MAX_MCS_TRIALS = 100
"""Most trials that enter; the confidence set's memory grows with `reps * k^2`."""


@dataclass(frozen=True)
class SuperiorAbility:
    """Superior predictive ability of the best of `trials` different trials.

    `p` says how often the best of as many trials without any ability looks at least this good.
    `best` is the column with the largest t-like statistic. Rows were resampled in blocks of
    `block_length` on average. `note` says what was left out or condensed, or is empty.
    """

    p: float
    best: int
    trials: int
    rows: int
    block_length: int
    note: str


def spa(
    naive_losses: Floats, losses: Floats, *, horizon: int = 1, seed: int = 0, reps: int = 1000
) -> SuperiorAbility | Skipped:
    """Test whether any trial is better than naive, given that the best was picked: Hansen's SPA.

    `naive_losses` (n,), `losses` (n, k). The p-value is the consistent one, and never 0: with b of
    `reps` bootstrap samples beyond the statistic it is `(b + 1) / (reps + 1)`. Each trial's loss
    difference is divided by its long-run deviation first, as Hansen does, so that a trial with wild
    losses does not hide the others.

    Blocks are as long as Politis & White's rule says for the loss differences, and at least
    `horizon`. Many rows times trials are condensed: means of consecutive rows, which keep the mean
    and its long-run variance. Of more than 2,000 trials the best 2,000 enter.
    2,000 rows of 100, 1,000 or 2,000 trials take about 3, 6 or 12 seconds.

    Skipped: fewer than 60 rows, losses that are not finite.

    Hansen 2005, A test for superior predictive ability; Politis & White 2004, Automatic
    block-length selection for the dependent bootstrap.
    """
    if isinstance(checked := _check(losses, naive_losses), Skipped):
        return checked
    gain = naive_losses[:, None] - losses
    keep = _best(losses, MAX_SPA_TRIALS)
    keep = keep[np.ptp(gain[:, keep], axis=0) > 0]  # no trial that forecasts the naive forecast
    if not len(keep):
        return SuperiorAbility(1.0, 0, 0, len(losses), 1, "every trial is the naive forecast")
    rows = int(np.clip(500_000 // len(keep), 250, 2_500))
    scaled, step = _condense(gain[:, keep], rows)
    scaled /= _long_run_deviation(scaled, variance_lags(len(scaled), math.ceil(horizon / step)))
    block = _block_length(scaled, math.ceil(horizon / step))

    from arch.bootstrap import SPA

    # arch 8 accepts `studentize` but does not divide by the deviations it estimates.
    test = SPA(np.zeros(len(scaled)), -scaled, block_size=block, reps=reps, seed=seed)
    test.compute()
    p = (float(test.pvalues["consistent"]) * reps + 1) / (reps + 1)
    best = int(keep[np.argmax(scaled.mean(axis=0))])
    note = _note(losses.shape[1], MAX_SPA_TRIALS, step)
    return SuperiorAbility(p, best, len(keep), len(losses), block * step, note)


@dataclass(frozen=True)
class ConfidenceSet:
    """The trials among which the best one is, with confidence `1 - size`.

    `included` are columns, best mean loss first. A wide set says that the rows cannot tell the
    trials apart. `trials` different ones were compared; `note` says what was left out or condensed,
    or is empty.
    """

    included: tuple[int, ...]
    size: float
    trials: int
    rows: int
    block_length: int
    note: str


def model_confidence_set(
    losses: Floats,
    *,
    horizon: int = 1,
    seed: int = 0,
    size: float = 0.1,
    reps: int = 500,
) -> ConfidenceSet | Skipped:
    """Drop the trials that are worse than others by more than chance; what is left is the set.

    `losses` (n, k). Uses the range statistic and blocks as `spa` does. Of more than 100 trials the
    100 with the smallest mean loss are compared (the others are not said to be worse), and more
    than 2,500 rows are condensed to means of consecutive rows: 100 trials take about 3 seconds and
    300 MB.

    Skipped: fewer than 60 rows, fewer than two different trials, losses that are not finite.

    Hansen, Lunde & Nason 2011, The model confidence set.
    """
    if isinstance(checked := _check(losses), Skipped):
        return checked
    keep = _best(losses, MAX_MCS_TRIALS)
    if len(keep) < 2:
        return Skipped(f"needs two different trials, has {len(keep)}")
    condensed, step = _condense(losses[:, keep], 2_500)
    # Relative to the mean trial: what all share says nothing about which is better.
    condensed = condensed - condensed.mean(axis=1, keepdims=True)
    # arch 8 fails on trials with exactly the same mean loss.
    condensed += 1e-12 * condensed.std() * np.arange(len(keep))
    block = _block_length(condensed, math.ceil(horizon / step))

    from arch.bootstrap import MCS

    test = MCS(condensed, size=size, reps=reps, block_size=block, method="R", seed=seed)
    test.compute()
    included = tuple(int(keep[column]) for column in cast("list[int]", test.included))
    note = _note(losses.shape[1], MAX_MCS_TRIALS, step)
    return ConfidenceSet(included, size, len(keep), len(losses), block * step, note)


@dataclass(frozen=True)
class Overfitting:
    """Probability of backtest overfitting, over all ways of halving the rows by blocks.

    In each way the trial that is best on one half is looked up on the other. `probability` is the
    share of ways in which it is no better than the median there: near 0 the search finds what
    lasts, near 0.5 it might as well have drawn lots, above it what wins first loses later.

    `logit_quartiles` are the 25, 50 and 75 % points of the logit of its relative rank on the other
    half; 0 is the median trial. `skill_chosen` and `skill_after` are its mean skill on the half
    that chose it and on the other, `loss_probability` the share of ways with skill below 0 there,
    and `slope` how one follows the other (least squares; None where skill did not vary): negative
    when a better-looking choice does worse.
    """

    probability: float
    logit_quartiles: tuple[float, float, float]
    skill_chosen: float
    skill_after: float
    loss_probability: float
    slope: float | None
    blocks: int
    splits: int
    trials: int
    rows: int
    measure: str = "skill"
    """What `skill_chosen` and the others are of; "gain" where trials are valued otherwise."""


def overfitting_probability(
    naive_losses: Floats, losses: Floats, *, blocks: int = 16
) -> Overfitting | Skipped:
    """Combinatorially symmetric cross-validation over the trials of a search.

    `naive_losses` (n,) and `losses` (n, k) are squared errors. A trial's performance on a set of
    rows is its skill there, `1 - sqrt(mean loss / mean naive loss)`; trials rank by their mean
    loss. Ties take the mean rank. Losses made of differences may have a mean below 0: its skill is
    given as 1.

    The n rows are cut into S equal blocks, leaving out the first `n mod S` rows; S is `blocks`
    (even, 6 to 16, so at most 12,870 ways), or the largest even number for which a block has ten
    rows. Nothing is purged where two halves meet: blocks should be much longer than the output
    shift.

    Skipped: fewer than 60 rows, fewer than 10 different trials, losses that are not finite, a
    perfect naive forecast.

    Bailey, Borwein, López de Prado & Zhu 2015, The probability of backtest overfitting, section 2.
    """
    if blocks % 2 or not 6 <= blocks <= 16:
        raise ValueError(f"blocks must be an even number from 6 to 16, got {blocks}")
    if isinstance(checked := _check(losses, naive_losses), Skipped):
        return checked
    keep = _best(losses, losses.shape[1])
    if len(keep) < MIN_TRIALS:
        return Skipped(f"needs {MIN_TRIALS} different trials, has {len(keep)}")
    S = blocks_of(len(losses), blocks)
    first = len(losses) % S
    sums = losses[first:, keep].reshape(S, -1, len(keep)).sum(axis=1)  # (S, k)
    naive = naive_losses[first:].reshape(S, -1).sum(axis=1)  # (S,)
    if not naive.all():
        return Skipped("the naive forecast is perfect on a block of rows")

    def skill(losses: Floats) -> Floats:
        return np.asarray(1 - np.sqrt(np.maximum(losses, 0)))

    return _halved(sums, naive, skill, len(losses) - first, "skill")


def blocks_of(rows: int, most: int = 16) -> int:
    """How many blocks so many rows are cut into: an even number, each of ten rows or more."""
    return min(most, rows // 10 // 2 * 2)


def overfitting_of_blocks(gains: Floats, rows: int) -> Overfitting | Skipped:
    """The same of trials that are valued by anything: `gains` (S, k) on each of S blocks.

    A trial's performance on a half is the mean of its blocks. `rows`: of all blocks.

    Skipped: fewer than 60 rows, fewer than 10 different trials.
    """
    if rows < MIN_ROWS:
        return Skipped(f"needs {MIN_ROWS} rows, has {rows}")
    if not np.isfinite(gains).all():
        return Skipped("a gain is not a finite number")
    keep = _best(-gains, gains.shape[1])
    if len(keep) < MIN_TRIALS:
        return Skipped(f"needs {MIN_TRIALS} different trials, has {len(keep)}")
    return _halved(-gains[:, keep], np.ones(len(gains)), np.negative, rows, "gain")


def _halved(
    sums: Floats, naive: Floats, worth: Callable[[Floats], Floats], rows: int, measure: str
) -> Overfitting:
    """Over all halves of the blocks: `sums` (S, k) of losses, and `naive` (S,) that they are
    divided by; `worth` makes skills of such shares."""
    S, k = sums.shape
    halves = np.array(list(combinations(range(S), S // 2)))  # (C, S/2)
    chosen_by = np.zeros((len(halves), S))  # 1 for the blocks that choose
    np.put_along_axis(chosen_by, halves, 1.0, axis=1)
    skills, ranks = [], []
    for part in np.array_split(chosen_by, math.ceil(chosen_by.shape[0] * k / 4_000_000)):
        before = (part @ sums) / (part @ naive)[:, None]  # (C', k)
        after = ((1 - part) @ sums) / ((1 - part) @ naive)[:, None]
        best = before.argmin(axis=1)[:, None]
        own = np.take_along_axis(after, best, axis=1)
        ranks.append(0.5 + (after > own).sum(axis=1) + 0.5 * (after == own).sum(axis=1))
        chosen = np.hstack([np.take_along_axis(before, best, axis=1), own])
        skills.append(worth(chosen))
    relative = np.concatenate(ranks) / (k + 1)
    logits = np.log(relative / (1 - relative))
    x, y = np.concatenate(skills).T
    slope = float(np.polyfit(x, y, 1)[0]) if np.ptp(x) > 1e-12 else None
    low, middle, high = (float(q) for q in np.quantile(logits, [0.25, 0.5, 0.75]))
    return Overfitting(
        # A rank at the median counts as overfitted; 1e-12 is rounding of the logit.
        probability=float(np.mean(logits <= 1e-12)),
        logit_quartiles=(low, middle, high),
        skill_chosen=float(x.mean()),
        skill_after=float(y.mean()),
        loss_probability=float(np.mean(y < 0)),
        slope=slope,
        blocks=S,
        splits=len(halves),
        trials=k,
        rows=rows,
        measure=measure,
    )


def _check(losses: Floats, naive_losses: Floats | None = None) -> Skipped | None:
    if len(losses) < MIN_ROWS:
        return Skipped(f"needs {MIN_ROWS} rows, has {len(losses)}")
    if not losses.shape[1]:
        return Skipped("there are no trials")
    if not (
        np.isfinite(losses).all() and (naive_losses is None or np.isfinite(naive_losses).all())
    ):
        return Skipped("an error is not a finite number")
    return None


def _best(losses: Floats, most: int) -> Indices:
    """Columns of different trials, smallest mean loss first, at most `most`."""
    columns = np.ascontiguousarray(losses.T)
    first: dict[bytes, int] = {}
    for column in range(len(columns)):
        first.setdefault(columns[column].tobytes(), column)
    distinct = np.array(list(first.values()), dtype=np.int64)
    order = np.argsort(columns[distinct].mean(axis=1), kind="stable")
    return distinct[order[:most]]


def _condense(values: Floats, most: int) -> tuple[Floats, int]:
    """Means of so many consecutive rows that at most `most` are left; and how many."""
    step = math.ceil(len(values) / most)
    values = values[len(values) % step :]
    return values.reshape(-1, step, values.shape[1]).mean(axis=1), step


def _long_run_deviation(values: Floats, lags: int) -> Floats:
    """Square root of the Newey-West long-run variance of each column: (n, k) -> (k,)."""
    centred = values - values.mean(axis=0)
    variance = np.mean(centred**2, axis=0)
    for lag in range(1, lags + 1):
        products = np.sum(centred[lag:] * centred[:-lag], axis=0) / len(values)
        variance += 2 * (1 - lag / (lags + 1)) * products
    # Bartlett's weights make it positive but for rounding.
    deviation: Floats = np.sqrt(np.maximum(variance, 1e-12 * np.mean(centred**2, axis=0)))
    return deviation


def _block_length(values: Floats, horizon: int) -> int:
    """Median of Politis & White's length over 20 columns; from `horizon` to a tenth of the rows."""
    from arch.bootstrap import optimal_block_length

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # columns that do not vary: NaN
        lengths = optimal_block_length(values[:, :20])["stationary"].to_numpy()
    lengths = lengths[np.isfinite(lengths)]
    length = math.ceil(np.median(lengths)) if len(lengths) else 1
    return int(np.clip(length, horizon, max(horizon, len(values) // 10)))


def _note(trials: int, most: int, step: int) -> str:
    notes = []
    if trials > most:
        notes.append(f"the {most:,} trials with the smallest mean loss of {trials:,}")
    if step > 1:
        notes.append(f"means of {step} consecutive rows")
    return "; ".join(notes)
