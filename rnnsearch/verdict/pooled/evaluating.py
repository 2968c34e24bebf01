"""The honest answer about one network of many series, on the locked rows of all.

As `verdict.evaluation` does with one series: the same ledger of openings, the same two questions,
asked of all series together with dates as witnesses.
"""

import time
from dataclasses import asdict
from typing import Any

import numpy as np

from rnnsearch.arrays import Floats, rounded
from rnnsearch.config import StudyFile, digest
from rnnsearch.language import _, marked
from rnnsearch.model.forecasting.pooled import PooledForecaster
from rnnsearch.scoring import held, metrics
from rnnsearch.scoring.inference import selection
from rnnsearch.scoring.inference.significance import MIN_ROWS
from rnnsearch.scoring.panel.longshort import long_short
from rnnsearch.scoring.panel.ranks import FEWEST, cross_section
from rnnsearch.scoring.panel.tests import by_date, panel_accuracy, panel_information
from rnnsearch.scoring.trading.measures import per_year
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.damage import DIGEST
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.openings import marks, open_test
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import trained
from rnnsearch.search.trial.judging import judge
from rnnsearch.verdict.answers import stored_answer
from rnnsearch.verdict.champion import Candidate, Say, best_refitted
from rnnsearch.verdict.comparison import INTERVAL_LEVEL, once, told_of_simple
from rnnsearch.verdict.evaluation import (
    alone,
    basis_of,
    champion_folder,
    check_locked,
    has_champion,
    made_of,
    trained_again,
    validated_best,
)
from rnnsearch.verdict.plain import as_json
from rnnsearch.verdict.pooled.fitting import refit_pool
from rnnsearch.verdict.pooled.rows import Locked, LockedRows, locked_rows
from rnnsearch.verdict.pooled.simple import Simple, simple_forecasts, try_own_baselines
from rnnsearch.verdict.standing import say_it_stands

NO_MOVES = marked("prices are not above 0, or what is forecast says nothing of the price")


def evaluate_pool(
    study: StudyFile, *, top: int, seeds: int, again: bool, say: Say, problem: Problem
) -> dict[str, Any]:
    """As `evaluation.evaluate`, with `pool`: count, series (a row each), cross_section, long_short,
    or why there is none of them.
    """
    check_locked(problem)
    store = Store(study, create=False)
    with storage_errors(store.url), alone(study):
        store.claim(study.fingerprint(), problem.data_record())
        answer = stored_answer(store)
        if answer and not again:
            say_it_stands(study, store, answer, top, seeds, say)
            if not has_champion(study, answer, PooledForecaster):
                champion = trained_again(problem, store, answer, say, refit_pool)
                champion.save(champion_folder(study))
            return answer
        problem.try_measures()
        basis, trials = basis_of(study, store, top, seeds, None), store.finished()
        candidates = validated_best(problem, store, basis, say)
        winner, champion = best_refitted(problem, candidates, seeds, say, refit_pool)
        try_own_baselines(problem, winner.parameters, winner.formulation)
        champion.save(champion_folder(study))
        # From disk, as every later forecast is made.
        champion = PooledForecaster.load(champion_folder(study))
        dates, closes = problem.prices.dates.to_numpy(), problem.prices.closes
        opening = open_test(store, marks(dates, closes, problem.split.test))
        say(_("opening the locked test (opening number {number})", number=opening.number))
        answer = {
            **compared(problem, winner, champion, say),
            **made_of(candidates, trials, basis, opening),
        }
        answer["significance"] |= {
            name: asdict(result) for name, result in selection_of_pool(problem, store).items()
        }
        plain = as_json(answer)
        store.note("evaluation", plain | {DIGEST: digest(plain)})
        stored = stored_answer(store)
    assert stored is not None
    return stored


def compared(
    problem: Problem, winner: Candidate, champion: PooledForecaster, say: Say
) -> dict[str, Any]:
    """The champion on the locked rows of all series, and the tests."""
    h = winner.parameters.output_shift
    locked = locked_rows(problem, champion, h)
    rated, target = locked.rated, problem.target
    spec = champion.spec
    dates = problem.prices.dates
    tested = np.unique(np.concatenate([one.dates for one in rated]))
    every = np.concatenate([one.rows for one in locked.series])
    # Of as many the first: a set would have another order in each process.
    hardest = max(locked.series[0].scored.naive, key=lambda name: _held(locked, name))
    simple = simple_forecasts(problem, winner.parameters, winner.formulation, say)
    rivals = [one.name for one in problem.baselines if one.rival and one.name in simple.forecasts]
    forecast, actual = locked.moves()
    beside = cross_section(forecast, actual, h)
    tests = {
        "information": panel_information(rated, h),
        "diebold_mariano": panel_accuracy(rated, h),
        **{
            f"diebold_mariano_{name}": panel_accuracy(locked.against(simple.forecasts[name]), h)
            for name in rivals
        },
    }
    return {
        "study": problem.study.name,
        "evaluated": time.strftime("%Y-%m-%d %H:%M:%S"),
        "champion": winner.as_plain() | {"seeds": list(spec.seeds), "identity": spec.identity},
        "test": {
            "rows": len(tested),
            "first": f"{dates[every].min():%Y-%m-%d}",
            "last": f"{dates[every].max():%Y-%m-%d}",
        },
        "table": _table(locked, simple, problem, once(say)),
        **told_of_simple(problem, simple.found, say),
        "hardest": hardest,
        "hardest_in_words": target.naive_words[hardest],
        "seed_skills": [
            float(
                np.mean(
                    [
                        metrics.skill(one.scored.actual, one.by_seed[seed], one.scored.hardest)
                        for one in _moved(locked)
                    ]
                )
            )
            for seed in range(len(spec.seeds))
        ],
        "significance": {name: asdict(result) for name, result in tests.items()},
        "interval": _interval(locked),
        "walk": None,
        "trading": {"reason": "many series are followed together: see the long-short portfolio"},
        "pool": {
            "count": len(locked.series),
            "rows": len(every),
            "embedding": winner.parameters.embedding,
            "series": _series(locked),
            "cross_section": {"reason": _no_order(locked, forecast)}
            if beside is None
            else asdict(beside),
            "long_short": _portfolio(locked, forecast, h),
        },
    }


def selection_of_pool(problem: Problem, store: Store) -> dict[str, Any]:
    """As `evaluation.selection_tests`, of the mean over series on each date.

    Overfitting is asked of squared errors, whatever was maximised.
    """
    naive_losses, losses = pooled_losses(problem, store)
    horizon = problem.study.furthest
    return {
        "superior_ability": selection.spa(naive_losses, losses, horizon=horizon),
        "confidence_set": selection.model_confidence_set(losses, horizon=horizon),
        "overfitting": selection.overfitting_probability(naive_losses, losses),
    }


def pooled_losses(problem: Problem, store: Store) -> tuple[Floats, Floats]:
    """Naive losses (D,) and those (D, k) of k complete trials, the mean over the series of each
    validation date; see `evaluation.validation_losses`.
    """
    folds, quotes = problem.split.folds, problem.prices.quotes
    every = problem.prices.dates.to_numpy("datetime64[us]")[problem.split.validation]
    _, dates = np.unique(every, return_inverse=True)
    naive: dict[int, Floats] = {}
    differences = []
    for trial in trained(store.trials()):
        h = trial.output_shift
        cuts = np.cumsum([len(fold.validation) for fold in folds])[:-1]
        held = judge(folds, quotes, problem.target, h, store.scoring)
        common, own = np.zeros(len(dates)), np.zeros(len(dates))
        begin = 0
        for fold, said in zip(held, np.split(trial.forecasts, cuts), strict=True):
            for part, place in zip(fold.of(said), fold.places, strict=True):
                s = part.scored
                squared = (s.actual - s.hardest) ** 2
                unit = float(squared.mean()) or 1.0
                at = slice(begin + place.start, begin + place.stop)
                common[at] = squared / unit
                own[at] = ((s.forecast - s.actual) ** 2 - squared) / unit
            begin += len(said)
        naive.setdefault(h, by_date(dates, common))
        differences.append(by_date(dates, own))
    together = np.mean(list(naive.values()), axis=0)
    return together, np.stack([together + one for one in differences], axis=1)


# --- on the way ---------------------------------------------------------------------------------


def _moved(locked: LockedRows) -> list[Locked]:
    """The series that did not stand still, where doing nothing is perfect."""
    moved = [o for o in locked.series if not np.array_equal(o.scored.actual, o.scored.hardest)]
    return moved or list(locked.series)


def _held(locked: LockedRows, name: str) -> int:
    return sum(one.hardest == name for one in locked.series)


def _table(locked: LockedRows, simple: Simple, problem: Problem, say: Say) -> list[dict[str, Any]]:
    """Each measure of the champion, of doing nothing and of the baselines: the mean over series."""
    every = locked.series
    said = {"champion": [one.scored.forecast for one in every]}
    said |= {name: [one.scored.naive[name] for one in every] for name in every[0].scored.naive}
    said |= simple.forecasts
    moved, rows = {*_moved(locked)}, []
    for name, of_each in said.items():
        each = [
            metrics.score(one.scored.of(forecast), problem.metrics, say)
            for one, forecast in zip(every, of_each, strict=True)
            if one in moved
        ]
        keys = [key for key in each[0] if all(one.get(key) is not None for one in each)]
        rows.append(
            {"forecast": name} | {k: float(np.mean([one[k] for one in each])) for k in keys}
        )
    return rows


def _interval(locked: LockedRows) -> dict[str, Any] | None:
    """Of the series whose forecasts have intervals; None where there is none."""
    there = {one.name: one.bands for one in locked.series if one.bands is not None}
    return held.of_series(there, INTERVAL_LEVEL) if there else None


def _series(locked: LockedRows) -> list[dict[str, Any]]:
    """A row for each series, the largest skill first. Without tests: these are of all together."""
    dates = locked.problem.prices.dates
    rows = []
    for one in locked.series:
        s = one.scored
        rows.append(
            {
                "series": one.name,
                "skill": metrics.skill(s.actual, s.forecast, s.hardest),
                "directional_accuracy": float(
                    np.mean((s.forecast > s.middle) == (s.actual > s.middle))
                )
                if s.target.directed
                else None,
                "held": None if one.bands is None else one.bands.held(INTERVAL_LEVEL),
                "rows": len(one.rows),
                "first": f"{dates[one.rows[0]]:%Y-%m-%d}",
                "last": f"{dates[one.rows[-1]]:%Y-%m-%d}",
            }
        )
    return sorted(rows, key=lambda row: -row["skill"])


def _portfolio(locked: LockedRows, forecast: Floats, h: int) -> dict[str, Any]:
    if not np.isfinite(forecast).any():
        return {"reason": NO_MOVES}
    days = locked.dates.astype("datetime64[s]").astype(np.int64) / 86_400
    made = long_short(
        forecast,
        locked.returns(),
        h,
        cost=locked.problem.study.trade.cost,
        per_year=per_year(days),
    )
    if made is None:
        return {"reason": _too_few(locked)}
    measures, returns = made
    return asdict(measures) | {
        "dates": [str(date)[:10] for date in locked.dates],
        "returns": rounded(returns),
    }


def _no_order(locked: LockedRows, forecast: Floats) -> str:
    if not np.isfinite(forecast).any():
        return NO_MOVES
    there = int((np.isfinite(forecast).sum(axis=1) >= FEWEST).sum())
    return (
        f"an order needs {MIN_ROWS} dates with forecasts of {FEWEST} series or more that differ, "
        f"and the locked rows, of {len(locked.series)} series, have {there} with so many"
    )


def _too_few(locked: LockedRows) -> str:
    return (
        f"an order needs {FEWEST} series or more with forecasts that differ on a date, and the "
        f"locked rows are of {len(locked.series)}"
    )
