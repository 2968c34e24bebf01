"""The honest answer: the champion against doing nothing, on rows that no trial has seen.

The locked test is opened here and nowhere else. Every opening is entered in the storage's ledger
before the rows are looked at, so a run that dies on the way counts too. Asking again shows the
stored answer and opens nothing, whatever else is asked, unless a further opening is asked for.

Study attributes: `openings`, how often the test was opened; `evaluation`, the last answer.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import filelock
import numpy as np

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.config import StudyFile, digest, extremes, home
from rnnsearch.data.atomic import unwritable
from rnnsearch.errors import RnnsearchError, StorageError, StudyFileError
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.forecasting.spec import read_spec
from rnnsearch.model.windows import window_ends
from rnnsearch.scoring import metrics, selection, sentences, significance
from rnnsearch.scoring.information import Information, holm
from rnnsearch.scoring.skipped import Skipped
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.damage import DIGEST
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.openings import marks, open_test, openings_so_far
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView, trained
from rnnsearch.shown import day
from rnnsearch.verdict import comparison
from rnnsearch.verdict.champion import Candidate, best_trials, validate
from rnnsearch.verdict.plain import as_json
from rnnsearch.verdict.refit import refit

T = TypeVar("T")
Say = Callable[[str], None]


def evaluate(
    study: StudyFile,
    *,
    top: int = 5,
    seeds: int = 3,
    again: bool = False,
    say: Say,
    problem: Problem | None = None,
) -> dict[str, Any]:
    """Choose the champion, open the test once, and say how sure the result is; plain JSON.

    Keys: champion, candidates, test, table, significance, interval, verdict, openings (so far),
    opening (the one it was made at), basis, and what a plot needs: dates, actual, origin_price,
    forecasts. What cannot be told is null.

    `problem`: the study's, where it is loaded already. The champion is in `champion_folder`
    afterwards. It may be evaluated while a search runs: what
    counts are the trials that are complete by now.

    Raises NoTrialError without a complete trial, StudyFileError without test rows.
    """
    problem = problem or Problem.load(study)
    if not len(problem.split.test):
        raise StudyFileError(
            "[split] test is 0, so there are no locked rows to evaluate on; `rnnsearch refit` "
            "trains the best trial on all rows, untested; a new study with test = 0.2 has them"
        )
    store = Store(study, create=False)
    with storage_errors(store.url), alone(study):
        store.claim(study.fingerprint(), problem.data_record())
        answer = stored_answer(store)
        if store.formerly:
            say(store.formerly)
        if answer and not again:
            _say_it_stands(store, answer, top, seeds, study.measuring_code, say)
            if not has_champion(study, answer):
                say("the champion's folder is not of this evaluation: training it again")
                chosen, seeds = store.trial(answer["champion"]["trial"]), answer["basis"]["seeds"]
                candidates = validated(problem, store, [chosen], seeds, say)
                _, champion = refitted_champion(problem, candidates, seeds, say)
                champion.save(champion_folder(study))
            return answer

        problem.try_measures()
        trials = best_trials(store, top)
        basis: dict[str, Any] = {
            "trials": [trial.number for trial in trials],
            "seeds": seeds,
            "top": top,
        }
        if study.measuring_code:
            basis["own"] = study.measuring_code
        say(f"validating the best {len(trials)} trials with {seeds} seeds each")
        candidates = validated(problem, store, trials, seeds, say)
        winner, champion = refitted_champion(problem, candidates, seeds, say)
        comparison.try_own_baselines(problem, winner.parameters, champion.target_scale)
        champion.save(champion_folder(study))
        # From disk, as every later forecast is made.
        champion = Forecaster.load(champion_folder(study))
        prices, rows = problem.prices, problem.split.test
        opening = open_test(store, marks(prices.dates.to_numpy(), prices.close, rows))
        say(f"opening the locked test (opening number {opening.number})")
        answer = {
            **_compare(problem, winner, champion, say),
            "candidates": [candidate.as_plain() for candidate in candidates],
            "trials": store.finished(),
            "basis": basis,
            "opening": opening.number,
            "opening_id": opening.id,
            "opened_before_by": list(opening.others),
        }
        answer["significance"] |= {
            name: asdict(result) for name, result in selection_tests(problem, store).items()
        }
        plain = as_json(answer)
        store.note("evaluation", plain | {DIGEST: digest(plain)})
        stored = stored_answer(store)
    assert stored is not None
    return stored


def stored_answer(store: Store) -> dict[str, Any] | None:
    """The last evaluation, its verdict charged for the opening it was; None before the first.

    `openings` are all of the test so far, also of other studies of the same rows and of runs that
    died before they had an answer.
    """
    stored = store.notes().get("evaluation")
    if stored is None:
        return None
    answer: dict[str, Any] = {k: v for k, v in stored.items() if k != DIGEST}
    if "opening_id" not in answer:  # of an earlier version
        openings = store.openings
        verdict, times = _old_verdict(answer, openings), float(openings)
    else:
        openings = max(openings_so_far(store, answer["opening_id"]), answer["opening"])
        verdict, times = _verdict(answer), sentences.charge(answer["opening"])
    corrected = _corrected(answer["significance"], times)
    return {**answer, "openings": openings, "verdict": as_json(verdict), "corrected": corrected}


def champion_folder(study: StudyFile) -> Path:
    return home() / "champions" / study.name


def has_champion(study: StudyFile, answer: dict[str, Any]) -> bool:
    """Whether the champion's folder holds the champion of this answer, undamaged."""
    try:
        spec = read_spec(champion_folder(study))
        if spec is None or spec.identity != answer["champion"]["identity"]:
            return False
        Forecaster.load(champion_folder(study))
    except StorageError:
        return False
    return True


def selection_tests(problem: Problem, store: Store) -> dict[str, Any]:
    """What the validation errors of all complete trials say about picking the best of them."""
    naive_losses, losses = validation_losses(problem, store)
    horizon = max(extremes(problem.study.space.output_shift))
    return {
        "superior_ability": selection.spa(naive_losses, losses, horizon=horizon),
        "confidence_set": selection.model_confidence_set(losses, horizon=horizon),
        "overfitting": selection.overfitting_probability(naive_losses, losses),
    }


def validation_losses(problem: Problem, store: Store) -> tuple[Floats, Floats]:
    """Naive losses (n,) and losses (n, k) of k complete trials on the n validation rows.

    Trials of different output shifts have different naive forecasts; the hardest of each counts. So
    a trial's loss on a row is a common naive loss plus its own difference: squared error minus that
    of its naive forecast, in units of the latter's mean. Its mean is one minus what its skill says
    about squared errors.
    """
    target, quotes = problem.target, problem.prices.quotes
    folds = problem.split.folds
    rows = problem.split.validation
    trials = [(trial.output_shift, trial.forecasts) for trial in trained(store.trials())]
    actual = {h: target.values(quotes.target, rows, h) for h, _ in trials}
    naive = {}
    for h, came in actual.items():
        known = [
            targets.naive_forecasts(target, quotes, f.validation, h, f.train, store.scoring)
            for f in folds
        ]
        together = [np.concatenate([fold[name] for fold in known]) for name in known[0]]
        _, naive[h] = targets.hardest(came, together)
    squared = {h: (actual[h] - naive[h]) ** 2 for h in actual}
    units = {h: float(losses.mean()) or 1.0 for h, losses in squared.items()}
    common = np.mean([squared[h] / units[h] for h in actual], axis=0)
    losses = [common + ((f - actual[h]) ** 2 - squared[h]) / units[h] for h, f in trials]
    return common, np.stack(losses, axis=1)


# --- on the way ---------------------------------------------------------------------------------


@contextlib.contextmanager
def alone(study: StudyFile) -> Iterator[None]:
    """One evaluation of a study at a time on this machine."""
    folder = champion_folder(study)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder.with_name(f".{folder.name}.lock"))
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise StorageError(
            f"{folder}: study {study.name!r} is evaluated or refitted by another process; wait for "
            "it"
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        yield
    finally:
        lock.release()


def validated(
    problem: Problem, store: Store, trials: list[TrialView], seeds: int, say: Say
) -> list[Candidate]:
    """The best candidate first, judged and taught as the study's trials were."""
    return validate(problem, trials, seeds, say, store.scoring, store.formulation)


def refitted_champion(
    problem: Problem, candidates: list[Candidate], seeds: int, say: Say
) -> tuple[Candidate, Forecaster]:
    """The best candidate that trains on all rows before the test, refitted there."""
    for candidate in candidates:
        say(f"refitting trial {candidate.trial.number} on all rows before the test")
        if champion := refit(problem, candidate, seeds, say):
            return candidate, champion
        say(f"trial {candidate.trial.number} diverged under every seed and is left out")
    raise RnnsearchError(
        f"{problem.study.name}: none of the best {len(candidates)} trials could be trained on all "
        "rows before the test, each diverged; try `rnnsearch evaluate` with a larger --top or "
        "--seeds, or search a new study with lower learning rates"
    )


def _say_it_stands(
    store: Store, answer: dict[str, Any], top: int, seeds: int, own: dict[str, str], say: Say
) -> None:
    """Why what is shown is not what was asked for, where it is not."""
    basis, finished = answer["basis"], store.finished()
    reasons = []
    if basis["seeds"] != seeds or basis.get("top", top) != top:
        reasons.append(f"with seeds {basis['seeds']} and top {basis.get('top', 'as it was')}")
    if finished != answer["trials"]:
        reasons.append(f"of the first {answer['trials']:,} trials ({finished:,} are finished now)")
    if basis.get("own", {}) != own:
        reasons.append("with what [evaluate] named then, and as its code was then")
    if reasons:
        say(
            f"the answer of {answer['evaluated']} stands, {' and '.join(reasons)}; `rnnsearch "
            "evaluate STUDY --again` opens the locked test once more, which costs it: p is then "
            f"multiplied by {sentences.charge(answer['openings'] + 1):,g}"
        )


def _compare(problem: Problem, winner: Candidate, champion: Forecaster, say: Say) -> dict[str, Any]:
    """The champion and the baselines on the locked rows, and the tests between them."""
    study, split, dates = problem.study, problem.split, problem.prices.dates
    test = comparison.scored_rows(
        problem.prices.quotes,
        split.test,
        winner.parameters.output_shift,
        problem.target,
        split.refit.train,
    )
    by_seed = champion.forecast_rows(
        problem.prices, problem.table, window_ends(test.rows, test.horizon)
    )
    simple = comparison.simple_forecasts(
        problem, winner.parameters, test, champion.target_scale, say
    )
    forecasts: dict[str, Floats] = {
        "champion": by_seed.mean(axis=0),
        **test.naive,
        **{n: fitted.forecast for n, fitted in simple.items() if not isinstance(fitted, Skipped)},
    }
    tests = comparison.tests_of_the_champion(test, forecasts, problem.baselines)
    spec = champion.spec
    brought, reasons = metrics.brought()
    for reason in reasons:
        say(reason)
    own_metrics = {
        one.key: one.plain()
        for one in (*brought.values(), *problem.own_metrics)
        if one.applies(test.target)
    }
    own_baselines = {
        one.name: {"meaning": one.meaning, "rival": one.rival}
        for one in problem.own_baselines
        if one.name in simple
    }
    said: set[str] = set()

    def once(text: str) -> None:
        if text not in said:  # a metric fails on every row of the table
            said.add(text)
            say(text)

    return {
        "study": study.name,
        "evaluated": time.strftime("%Y-%m-%d %H:%M:%S"),
        "champion": winner.as_plain() | {"seeds": list(spec.seeds), "identity": spec.identity},
        "test": {
            "rows": len(test.rows),
            "first": f"{dates[test.rows[0]]:%Y-%m-%d}",
            "last": f"{dates[test.rows[-1]]:%Y-%m-%d}",
        },
        "table": [
            {"forecast": name} | metrics.score(test.scored(values), problem.metrics, once)
            for name, values in forecasts.items()
        ],
        **({"own_metrics": own_metrics} if own_metrics else {}),
        **({"own_baselines": own_baselines} if own_baselines else {}),
        "hardest": test.hardest,
        "hardest_in_words": test.target.naive_words[test.hardest],
        "seed_skills": [metrics.skill(test.actual, each, test.hardest_naive) for each in by_seed],
        "baselines": {
            name: fitted.reason if isinstance(fitted, Skipped) else fitted.chosen
            for name, fitted in simple.items()
        },
        "baseline_seconds": {
            name: round(fitted.seconds, 2)
            for name, fitted in simple.items()
            if not isinstance(fitted, Skipped)
        },
        "significance": {name: asdict(result) for name, result in tests.items()},
        "interval": comparison.interval(champion, problem, test),
        "dates": [day(date) for date in dates[test.rows]],
        "actual": _rounded(test.actual),
        "origin_price": _rounded(test.origin),
        "forecasts": {name: _rounded(values) for name, values in forecasts.items()},
    }


def _verdict(answer: dict[str, Any]) -> dict[str, Any]:
    tests = answer["significance"]
    skill = answer["table"][0]["skill"]
    return asdict(
        sentences.verdict(
            _result(tests["information"], Information),
            _result(tests["diebold_mariano"], significance.DieboldMariano),
            skill=-math.inf if skill is None else skill,
            hardest=answer["hardest_in_words"],
            **answer["test"],
            trials=answer["trials"],
            opening=answer["opening"],
            others=answer["opened_before_by"],
        )
    )


ON_THE_TEST = ("diebold_mariano_", "pesaran_timmermann", "excess_profitability")
PRIMARY = ("information", "diebold_mariano")


def _corrected(tests: Mapping[str, Mapping[str, Any]], times: float) -> dict[str, float]:
    """p of what is tested beside the verdict's two questions, all of it corrected together.

    Holm 1979, A simple sequentially rejective multiple test procedure. Those on the locked rows are
    charged for the opening as the verdict is.
    """
    found = {}
    for name, result in tests.items():
        p = result.get("p_better", result.get("p"))
        if name not in PRIMARY and p is not None:
            found[name] = min(1.0, p * (times if name.startswith(ON_THE_TEST) else 1.0))
    return dict(zip(found, holm(list(found.values())), strict=True))


def _old_verdict(answer: dict[str, Any], openings: int) -> dict[str, Any]:
    skill = answer["table"][0]["skill"]
    return asdict(
        sentences.old_verdict(
            _result(answer["significance"]["diebold_mariano"], significance.DieboldMariano),
            skill=-math.inf if skill is None else skill,
            **answer["test"],
            trials=answer["trials"],
            openings=openings,
        )
    )


def _result(plain: dict[str, Any], kind: type[T]) -> T | Skipped:
    return Skipped(**plain) if "reason" in plain else kind(**plain)


def _rounded(values: Floats) -> list[float]:
    """Seven digits: enough for a plot and a CSV, and half the size."""
    return [float(f"{value:.7g}") for value in values]
