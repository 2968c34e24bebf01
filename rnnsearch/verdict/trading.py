"""The champion's forecasts of the locked rows traded, on paper.

    traded     the `trading` of an answer: what it would have earned
    as_asked   whether an answer was traded as [trade] says now

Nothing here is chosen by what came out: positions follow from [trade] and the forecasts alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.config import StudyFile
from rnnsearch.data.prices.load import Prices
from rnnsearch.scoring import trading
from rnnsearch.scoring.trading.strategy import Series, plain, sharpes
from rnnsearch.scoring.trading.words import SILENT, sentence
from rnnsearch.search import tradable
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.view import TrialView, trained
from rnnsearch.shown import day

TOGETHER = 256
"""Trials traded at once: of thousands the accounts would not fit in memory."""

STALE = 0.2
"""Share of opens that are the last close from which on they are doubted."""


def traded(
    problem: Problem, trials: Iterable[TrialView], finished: int, answer: Mapping[str, Any]
) -> dict[str, Any]:
    """What following the champion's forecasts in `answer` would have earned; plain.

    Keys: sentence, settings, notes, trials, sessions, first, last, per_year, dates, and those of
    `strategy.plain`; or `reason` alone where nothing is traded. `trials` are those that the
    champion was chosen from, `finished` how many there were in all.
    """
    study, prices = problem.study, problem.prices
    settings = study.trade.model_dump()
    rows = problem.split.test
    h = int(answer["champion"]["params"]["output_shift"])
    if reason := tradable.why_not(study, prices, int(rows[0]) - h):
        return {"reason": reason, "settings": settings}
    strategy, series = tradable.strategy(study, prices), tradable.series(prices)
    forecast = np.array(answer["forecasts"]["champion"], dtype=np.float64)
    moves = _moves(problem, series, rows, h, forecast)
    if moves is None:
        reason = SILENT.format(kind=study.data.predict)
        return {"reason": reason, "settings": settings}
    first = int(rows[0]) - h + 1
    found = trading.traded(
        strategy, series, moves, first, h, trials=finished, others=_others(problem, trials)
    )
    dates = prices.dates[first : int(rows[-1]) + 1]
    notes = list(_notes(study, prices, first, int(rows[-1])))
    if answer.get("opening", 1) > 1:
        notes.append(trading.LOOKED_AT)
    told = {
        "settings": settings,
        "notes": notes,
        "trials": finished,
        "sessions": len(dates),
        "first": day(dates[0]),
        "last": day(dates[-1]),
        "per_year": strategy.terms.per_year,
        "dates": [day(date) for date in dates],
        **plain(found),
    }
    return {"sentence": sentence(told), **told}


def as_asked(study: StudyFile, answer: Mapping[str, Any]) -> bool:
    """Whether an answer was traded as [trade] says now; one of before there was [trade], too."""
    made: Mapping[str, Any] = answer.get("trading") or {}
    return "settings" not in made or made["settings"] == study.trade.model_dump()


def _moves(problem: Problem, series: Series, rows: Rows, h: int, forecast: Floats) -> Floats | None:
    origins = rows - h
    return problem.target.move(forecast, series.closes[origins], series.usual(h)[origins])


def _others(problem: Problem, trials: Iterable[TrialView]) -> tuple[Floats, int]:
    """The trials' Sharpe ratios per session on validation rows (k,), and how many those are.

    Of each trial the folds follow each other, so they are one account.
    """
    strategy, series = (
        tradable.strategy(problem.study, problem.prices),
        tradable.series(problem.prices),
    )
    rows = problem.split.validation
    by_shift: dict[int, list[Floats]] = {}
    for trial in trained(trials):
        moves = _moves(problem, series, rows, trial.output_shift, trial.forecasts)
        assert moves is not None
        by_shift.setdefault(trial.output_shift, []).append(moves)
    found = [
        sharpes(strategy, series, np.stack(some, axis=1), int(rows[0]) - h + 1, h, charged=False)
        for h, moves in by_shift.items()
        for some in (moves[start : start + TOGETHER] for start in range(0, len(moves), TOGETHER))
    ]
    return np.concatenate(found) if found else np.empty(0), len(rows)


def _notes(study: StudyFile, prices: Prices, first: int, last: int) -> Iterator[str]:
    entry = trading.ENTRIES[study.trade.entry]
    if entry.note:
        yield entry.note
    adjusted = {} if prices.columns is None else prices.columns.adjusted
    if study.data.sample is not None:
        yield trading.SAMPLE
    elif study.data.adjust or prices.target in ("Adj Close", *adjusted):
        yield trading.ADJUSTED
    elif better := [name for name, base in adjusted.items() if base == tradable.CLOSE]:
        yield trading.UNADJUSTED.format(column=better[0])
    else:
        yield trading.UNKNOWN.format(column=prices.target, file=prices.name)
    if entry.needs_open:
        series = tradable.series(prices)
        assert series.opens is not None
        stale = float(np.mean(series.opens[first : last + 1] == series.closes[first - 1 : last]))
        if stale > STALE:
            yield trading.STALE_OPENS.format(share=f"{100 * stale:.0f}")
