"""Is one forecast better than doing nothing, or was it luck?

    n  rows (target dates in time order)      h  output shift: sessions from origin to target

Tests of one forecast that was chosen before these rows were looked at. Those of many trials at once
are in `selection`. A test that does not apply returns `Skipped` with its reason; no result holds
NaN.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsearch.scoring.skipped import Skipped

if TYPE_CHECKING:
    from rnnsearch.scoring.information import Information

Floats: TypeAlias = NDArray[np.float64]

LEVEL = 0.05
"""A forecast is called better when chance would look as good less often than this."""

MIN_ROWS = 20
"""Fewest rows of a test, counted in steps that do not overlap."""

MIN_EACH_DIRECTION = 5
"""Fewest rises and falls, forecast and actual, of the direction test: it relies on the normal
approximation of a count."""


@dataclass(frozen=True)
class DieboldMariano:
    """Equal accuracy of two forecasts. A negative statistic says that the first is better.

    `p_better` is one-sided: how often chance alone makes the first look at least this much better
    than the second, were they equally good. `p` is two-sided. `lags` went into the long-run
    variance, over `rows` rows.
    """

    statistic: float
    p_better: float
    p: float
    lags: int
    rows: int


def diebold_mariano(
    losses: Floats, naive_losses: Floats, horizon: int = 1
) -> DieboldMariano | Skipped:
    """Test whether `losses` (n,) are smaller than `naive_losses` (n,) by more than chance.

    Losses are one number per row, such as squared errors, of two forecasts of the same rows, in
    time order. Overlapping targets (`horizon` > 1) make them depend on each other: the long-run
    variance is Newey & West's with `max(2 (h - 1), n^(1/3))` lags, which cannot be negative. Twice
    the overlap, because Bartlett's weights nearly ignore the farthest lags: with h - 1 lags a true
    null was rejected more often in simulations. The statistic is corrected for small samples and
    compared with Student's t.

    Equal losses on every row: statistic 0, both p 1. Where the second forecast is a special case
    of the first (no change, against a network that could have learnt no change), equal accuracy
    already means that the network found something, so the test errs on the side of doing nothing.

    Skipped: fewer than 20 rows or 20 horizons, losses that are not finite, a difference that is the
    same on every row.

    Diebold & Mariano 1995, Comparing predictive accuracy; Harvey, Leybourne & Newbold 1997, Testing
    the equality of prediction mean squared errors, eq. 8 and 9.
    """
    rows = len(losses)
    if rows < MIN_ROWS * horizon:
        return Skipped(_too_few(rows, horizon))
    difference = losses - naive_losses
    if not np.isfinite(difference).all():
        return Skipped("an error is not a finite number")
    lags = variance_lags(rows, horizon)
    if not difference.any():
        return DieboldMariano(0.0, 1.0, 1.0, lags, rows)
    if np.ptp(difference) <= 1e-9 * np.abs(difference).max():
        return Skipped("the two forecasts differ by the same loss on every row")

    from scipy.stats import t as student
    from statsmodels.tsa.stattools import diebold_mariano_test

    result = diebold_mariano_test(
        np.zeros(rows),
        losses,
        naive_losses,
        lags=lags,
        criterion=lambda _, loss: loss,
        harvey_adj=True,
        horizon=horizon,
    )
    statistic = float(result.statistic)
    p_better = float(student.cdf(statistic, df=rows - 1))
    return DieboldMariano(statistic, p_better, float(result.pvalue), lags, rows)


def hardest(tests: Iterable[DieboldMariano | Skipped]) -> DieboldMariano | Skipped:
    """Of tests against several forecasts the one that says least: better than all is no more than
    better than that one (Berger 1982, Multiparameter hypothesis testing and acceptance sampling).

    Skipped if one of them is.
    """
    worst: DieboldMariano | None = None
    for test in tests:
        if isinstance(test, Skipped):
            return test
        if worst is None or test.p_better > worst.p_better:
            worst = test
    if worst is None:
        raise ValueError("there is no test")
    return worst


def variance_lags(rows: int, horizon: int) -> int:
    """Lags of a long-run variance over losses of overlapping targets."""
    return int(max(2 * (horizon - 1), np.ceil(rows ** (1 / 3))))


@dataclass(frozen=True)
class PesaranTimmermann:
    """Independence of forecast and actual direction.

    `p_better` is one-sided: how often chance alone gets at least this many directions right.
    `accuracy` is the share that was right, `expected` the share that would be if the forecast rises
    were as many but fell on random rows. Both over `rows` rows.
    """

    statistic: float
    p_better: float
    accuracy: float
    expected: float
    rows: int


def pesaran_timmermann(
    actual: Floats, forecast: Floats, horizon: int = 1
) -> PesaranTimmermann | Skipped:
    """Test whether the signs of `forecast` (n,) go with those of `actual` (n,) by more than chance.

    Both are changes, such as log returns, or anything else minus its reference: a value above 0 is
    a rise, any other is not. Always forecasting the more frequent direction does not help here. The
    test takes rows to be independent, which overlapping targets are not: of those it uses every
    `horizon`-th row, the last included.

    Skipped: fewer than 20 rows of those, values that are not finite, fewer than 5 rises or falls
    forecast or happened. A forecast that always says the same has no direction to test.

    Pesaran & Timmermann 1992, A simple nonparametric test of predictive performance, eq. 6.
    """
    if len(actual) < MIN_ROWS * horizon:
        return Skipped(_too_few(len(actual), horizon))
    if not (np.isfinite(actual).all() and np.isfinite(forecast).all()):
        return Skipped("a value is not a finite number")
    actual, forecast = actual[::-1][::horizon], forecast[::-1][::horizon]
    for name, values in (("forecasts", forecast), ("actual values", actual)):
        rises = int(np.count_nonzero(values > 0))
        if rises in (0, len(values)):
            return Skipped(f"all {name} go the same way")
        if min(rises, len(values) - rises) < MIN_EACH_DIRECTION:
            return Skipped(
                f"the {name} have {rises} rises and {len(values) - rises} falls; "
                f"at least {MIN_EACH_DIRECTION} of each are needed"
            )

    from statsmodels.stats.diagnostic import pesaran_timmermann as test

    try:
        result = test(actual, forecast, alternative="larger")
    except ValueError as error:  # the variance is not positive
        return Skipped(str(error).rstrip("."))
    store = result.res_store
    return PesaranTimmermann(
        float(result.statistic),
        float(result.pvalue),
        float(store.p_hat),
        float(store.p_ind),
        len(actual),
    )


@dataclass(frozen=True)
class Verdict:
    """The answer in one sentence.

    `p` is that of "better", `p_information` that of "informative"; both are one-sided and corrected
    for earlier openings of the test. None where a test did not apply.
    """

    better: bool
    informative: bool
    p: float | None
    p_information: float | None
    sentence: str


def charge(opening: int) -> float:
    """What p is multiplied by at the `opening`-th look at a test (1 is the first).

    The first look may spend 4 of the 5 percent of `LEVEL`, each later one half of what is left:
    0.5, 0.25, 0.125 ... So however often a test is opened, all looks together err in at most 5 %,
    by the union bound: as long as each look's p is uniform without a signal. What is chosen by the
    p of an earlier look bends that a little (simulated: 6 %, `tests/bench/LOG.md`, section 13).
    """
    if opening < 1:
        raise ValueError(f"openings are counted from 1, got {opening}")
    return 1.25 if opening == 1 else 5.0 * 2.0 ** (opening - 1)


def verdict(
    information: "Information | Skipped",
    accuracy: DieboldMariano | Skipped,
    *,
    skill: float,
    hardest: str,
    rows: int,
    first: str,
    last: str,
    trials: int,
    opening: int,
    others: Sequence[str] = (),
) -> Verdict:
    """Say what the champion is worth on the `rows` locked rows from `first` to `last`.

    Two questions in order, each at `LEVEL`: does the forecast carry information, and, only where it
    does, is it more accurate than doing nothing? Asked in that order, both together err no more
    often than one (Maurer, Hothorn & Lehmacher 1995, fixed-sequence testing). `accuracy` and
    `skill` compare it with the `hardest` naive forecast, named in words.

    The number of `trials` is shown but not corrected for: the champion was chosen on validation
    rows, and only it met the locked ones. What uses the locked rows up is looking at them and
    searching on, so p is multiplied by `charge(opening)`. `others` are studies that looked before.
    """
    times = charge(opening)
    p, p_information, p_worse = None, None, None
    if not isinstance(information, Skipped):
        p_information = min(1.0, times * information.p)
    if not isinstance(accuracy, Skipped):
        p = min(1.0, times * accuracy.p_better)
        p_worse = min(1.0, times * (1 - accuracy.p_better))
    informative = p_information is not None and p_information < LEVEL
    better = informative and p is not None and p < LEVEL and skill > 0
    worse = p_worse is not None and p_worse < LEVEL and skill < 0

    told = _information_told(information, p_information, informative)
    if p is None or p_worse is None:
        reason = accuracy.reason if isinstance(accuracy, Skipped) else ""
        measured = f"the champion's error cannot be judged: {reason}"
    else:
        shown = f"{_shown(p_worse)} for worse" if worse else _shown(p)
        measured = f"the champion's error is {_compared(skill, hardest)} ({shown}, Diebold–Mariano)"
    where = f"on {rows:,} locked sessions from {first} to {last}"
    after = f"after {trials:,} trial{'s' if trials != 1 else ''}; {_opened(opening, others)}"
    if better:
        answer, said = "Better than doing nothing", f"{measured}, and {told}"
    elif informative:
        answer, said = (
            "Informative, but not yet more accurate than doing nothing",
            f"{told}, but {measured}",
        )
    elif worse:
        answer, said = "Worse than doing nothing", f"{measured}, and {told}"
    elif p is None and p_information is None:
        answer, said = "Cannot be told", measured
    else:
        answer, said = "Not distinguishable from doing nothing", f"{told}, and {measured}"
    return Verdict(better, informative, p, p_information, f"{answer}: {where} {said}, {after}.")


def _information_told(
    information: "Information | Skipped", p: float | None, informative: bool
) -> str:
    if isinstance(information, Skipped) or p is None:
        reason = information.reason if isinstance(information, Skipped) else ""
        return f"whether the forecasts carry information cannot be told: {reason}"
    shown = f"({_shown(p)}, Clark–West)"
    if informative:
        return f"the forecasts carry information about what came {shown}"
    return f"there is no information in the forecasts that can be told from chance {shown}"


_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
)  # fmt: skip


def _opened(opening: int, others: Sequence[str]) -> str:
    ordinal = _ORDINALS[opening - 1] if opening <= len(_ORDINALS) else f"{opening}th"
    text = f"{ordinal} opening of the test"
    if others:
        text += f" (before by {', '.join(others[:3])}{' and others' if len(others) > 3 else ''})"
    return f"{text}, so p is multiplied by {charge(opening):,g}"


def old_verdict(
    test: DieboldMariano | Skipped,
    *,
    skill: float,
    rows: int,
    first: str,
    last: str,
    trials: int,
    openings: int,
) -> Verdict:
    """The verdict of an evaluation from before there were two questions, as it was told then."""
    where = f"on {rows:,} locked sessions from {first} to {last}"
    if isinstance(test, Skipped):
        return Verdict(False, False, None, None, f"Cannot be told: {test.reason} ({where}).")
    p = min(1.0, openings * test.p_better)
    p_worse = min(1.0, openings * (1 - test.p_better))
    better, worse = skill > 0 and p < LEVEL, skill < 0 and p_worse < LEVEL
    answer = "Better than" if better else "Worse than" if worse else "Not distinguishable from"
    shown = f"{_shown(p_worse)} for worse" if worse else _shown(p)
    return Verdict(
        better,
        False,
        p,
        None,
        f"{answer} doing nothing: {where} the champion's error is "
        f"{_compared(skill, 'the naive forecast')} ({shown}, Diebold–Mariano), after {trials:,} "
        f"trials; opened {'once' if openings == 1 else f'{openings} times'}. This is an evaluation "
        "of an earlier version, against no change alone and without the question of information: "
        "`rnnsearch evaluate --again` asks both.",
    )


def _compared(skill: float, naive: str) -> str:
    if skill == 0:
        return f"the same as that of {naive}"
    if not np.isfinite(skill):
        return f"above that of {naive}, which is perfect"
    percent = 100 * abs(skill)
    shown = f"{percent:,.0f}" if percent >= 10 else f"{percent:.2g}"
    return f"{shown} % {'below' if skill > 0 else 'above'} that of {naive}"


def _shown(p: float) -> str:
    """p with three digits, or as many as show on which side of the level it lies."""
    if p < 0.001:
        return "p < 0.001"
    texts = [f"{p:.{digits}f}" for digits in (3, 4, 5, 6)]
    return "p = " + next((text for text in texts if (float(text) < LEVEL) == (p < LEVEL)), texts[0])


def _too_few(rows: int, horizon: int) -> str:
    ahead = f" for forecasts {horizon} sessions ahead" if horizon > 1 else ""
    return f"needs {MIN_ROWS * horizon:,} rows{ahead}, has {rows:,}"
