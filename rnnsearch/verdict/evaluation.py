"""The honest answer: the champion against doing nothing, on rows that no trial has seen.

The locked test is opened here, that of one network for many series in `pooled.evaluating`, and
nowhere else. Every opening is entered in the storage's ledger before the rows are looked at, so a
run that dies on the way counts too. Asking again shows the stored answer and opens nothing,
whatever else is asked, unless a further opening is asked for.

Study attributes: `openings`, how often the test was opened; `evaluation`, the last answer.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import filelock
import numpy as np

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.config import StudyFile, digest, home
from rnnsearch.data.atomic import unwritable
from rnnsearch.errors import StorageError, StudyFileError
from rnnsearch.language import _, counted, in_english
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.forecasting.pooled import PooledForecaster
from rnnsearch.model.forecasting.spec import read_spec
from rnnsearch.model.paths import apart, later
from rnnsearch.scoring.inference import selection
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.metrics.theirs import MetricError
from rnnsearch.scoring.objectives import spread
from rnnsearch.scoring.parts import cut
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.damage import DIGEST
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.openings import Opening, marks, open_test
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView, trained
from rnnsearch.verdict import comparison, trading
from rnnsearch.verdict import walk as walks
from rnnsearch.verdict.answers import compare, stored_answer
from rnnsearch.verdict.champion import (
    Candidate,
    Say,
    best_refitted,
    best_trials,
    judged_steps,
    validate,
)
from rnnsearch.verdict.plain import as_json
from rnnsearch.verdict.refit import refit
from rnnsearch.verdict.standing import say_it_stands

T = TypeVar("T")


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

    Keys: champion, candidates, test, table, significance, interval, verdict, trading, openings (so
    far), opening (the one it was made at), basis, walk (how the test was walked through, or null),
    and what a plot needs: dates, actual, origin_price, forecasts. What cannot be told is null.

    `problem`: the study's, where it is loaded already. The champion is in `champion_folder`
    afterwards. It may be evaluated while a search runs: what counts are the trials that are
    complete by now.

    Raises NoTrialError without a complete trial, StudyFileError without test rows.
    """
    problem = problem or Problem.load(study)
    if problem.panel is not None:
        from rnnsearch.verdict.pooled.evaluating import evaluate_pool

        return evaluate_pool(study, top=top, seeds=seeds, again=again, say=say, problem=problem)
    check_locked(problem)
    store = Store(study, create=False)
    with storage_errors(store.url), alone(study):
        store.claim(study.fingerprint(), problem.data_record())
        answer, begun = stored_answer(store), walks.begun(store)
        if begun and answer and begun.opening.id == answer.get("opening_id"):
            walks.end(study, store)  # it died when it had only this left to do
            begun = None
        if store.formerly:
            say(store.formerly)
        if answer and not again:
            say_it_stands(study, store, answer, top, seeds, say)
            if not has_champion(study, answer):
                champion = trained_again(problem, store, answer, say, refit)
                champion.save(champion_folder(study))
            return answer

        problem.try_measures()
        plan = walks.planned(problem)
        basis, trials = basis_of(study, store, top, seeds, plan), store.finished()
        if begun and not again and basis["walk"] == begun.basis.get("walk"):
            basis, trials = begun.basis, begun.trials
            say(
                _(
                    "going on with the walk that was begun, of the first {trials:,} trials, with "
                    "--seeds {seeds} and --top {top}",
                    trials=trials,
                    seeds=basis["seeds"],
                    top=basis["top"],
                )
            )
        seeds, candidates = basis["seeds"], validated_best(problem, store, basis, say)
        started = time.perf_counter()
        winner, champion = best_refitted(problem, candidates, seeds, say, refit)
        seconds = (time.perf_counter() - started) / seeds
        comparison.try_own_baselines(problem, winner.parameters, champion.target_scale)
        champion.save(champion_folder(study))
        # From disk, as every later forecast is made.
        champion = Forecaster.load(champion_folder(study))
        with walks.prepared(problem, plan, winner, champion, seconds=seconds, say=say) as walk:
            opening = _opened(problem, store, walk, begun, basis, trials, say)
            answer = {
                **compare(problem, winner, champion, say, walk),
                **made_of(candidates, trials, basis, opening),
            }
        with in_english():  # it is kept
            answer["trading"] = trading.traded(problem, store.trials(), trials, answer)
        answer["significance"] |= {
            name: asdict(result) for name, result in selection_tests(problem, store).items()
        }
        plain = as_json(answer)
        store.note("evaluation", plain | {DIGEST: digest(plain)})
        walks.end(study, store)
        stored = stored_answer(store)
    assert stored is not None
    return stored


def check_locked(problem: Problem) -> None:
    """Raises StudyFileError where no rows are locked."""
    if not len(problem.split.test):
        raise StudyFileError(
            "[split] test is 0, so there are no locked rows to evaluate on; `rnnsearch refit` "
            "trains the best trial on all rows, untested; a new study with test = 0.2 has them"
        )


def champion_folder(study: StudyFile) -> Path:
    return home() / "champions" / study.name


def has_champion(
    study: StudyFile, answer: dict[str, Any], kind: type[Forecaster | PooledForecaster] = Forecaster
) -> bool:
    """Whether the champion's folder holds the champion of this answer, undamaged."""
    try:
        spec = read_spec(champion_folder(study))
        if spec is None or spec.identity != answer["champion"]["identity"]:
            return False
        kind.load(champion_folder(study))
    except StorageError:
        return False
    return True


def selection_tests(problem: Problem, store: Store) -> dict[str, Any]:
    """What the validation errors of all complete trials say about picking the best of them."""
    naive_losses, losses = validation_losses(problem, store)
    horizon = problem.study.furthest
    return {
        "superior_ability": selection.spa(naive_losses, losses, horizon=horizon),
        "confidence_set": selection.model_confidence_set(losses, horizon=horizon),
        "overfitting": selection.overfitting_probability(naive_losses, losses)
        if problem.objective.key == "skill"
        else _overfitting(problem, store),
    }


def _overfitting(problem: Problem, store: Store) -> selection.Overfitting | Skipped:
    """By what the search maximised: each trial's gain on blocks of the validation rows."""
    rows, every = len(problem.split.validation), []
    blocks = max(selection.blocks_of(rows), 1)
    for trial in trained(store.trials()):
        h = trial.output_shift
        steps = []
        judged = judged_steps(
            problem, trial.parameters, trial.forecasts, store.scoring, trial.quantiles
        )
        for ahead, folds in enumerate(judged, h):
            try:
                better = problem.objective.better_by(cut(folds, blocks), ahead)
            except MetricError as error:
                return Skipped(
                    f"{problem.objective.label} has no value on a block of rows: {error}"
                )
            steps.append(np.array(better) / spread(problem.objective, folds, ahead))
        every.append(np.mean(steps, axis=0))
    return selection.overfitting_of_blocks(np.stack(every, axis=1), rows)


def validation_losses(problem: Problem, store: Store) -> tuple[Floats, Floats]:
    """Naive losses (n,) and losses (n, k) of k complete trials on the n validation rows.

    Trials of different output shifts have different naive forecasts; the hardest of each counts. So
    a trial's loss on a row is a common naive loss plus its own difference: squared error minus that
    of its naive forecast, in units of the latter's mean, the mean of the steps of a path. Its mean
    is one minus what its skill says about squared errors.
    """
    target, quotes = problem.target, problem.prices.quotes
    folds, steps = problem.split.folds, range(problem.steps)
    rows = problem.split.validation
    trials = [(trial.output_shift, trial.forecasts) for trial in trained(store.trials())]
    actual = {
        (h, step): target.values(quotes.target, rows + step, h + step)
        for h, _ in trials
        for step in steps
    }
    naive = {}
    for (h, step), came in actual.items():
        known = [
            targets.naive_forecasts(target, quotes, f.validation, h + step, f.train, store.scoring)
            for f in (later(fold, step) for fold in folds)
        ]
        together = [np.concatenate([fold[name] for fold in known]) for name in known[0]]
        _, naive[h, step] = targets.hardest(came, together)
    squared = {one: (actual[one] - naive[one]) ** 2 for one in actual}
    units = {one: float(losses.mean()) or 1.0 for one, losses in squared.items()}
    common = np.mean([squared[one] / units[one] for one in actual], axis=0)

    def differences(h: int, forecasts: Floats) -> list[Floats]:
        return [
            ((said - actual[h, step]) ** 2 - squared[h, step]) / units[h, step]
            for step, said in enumerate(apart(forecasts, problem.steps))
        ]

    losses = [common + np.mean(differences(h, forecasts), axis=0) for h, forecasts in trials]
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


def validated_best(
    problem: Problem, store: Store, basis: Mapping[str, Any], say: Say
) -> list[Candidate]:
    """`validated`, of the trials and with the seeds that an answer is made of."""
    best, seeds = [store.trial(number) for number in basis["trials"]], basis["seeds"]
    say(
        _(
            "validating the best {trials} with {seeds} each",
            trials=counted("{count} trial", "{count} trials", len(best)),
            seeds=counted("{count} seed", "{count} seeds", seeds),
        )
    )
    return validated(problem, store, best, seeds, say)


def trained_again(
    problem: Problem,
    store: Store,
    answer: Mapping[str, Any],
    say: Say,
    refit: Callable[[Problem, Candidate, int, Say], T | None],
) -> T:
    """The champion of an answer that stands, where its folder is lost."""
    say(_("the champion's folder is not of this evaluation: training it again"))
    chosen, seeds = store.trial(answer["champion"]["trial"]), answer["basis"]["seeds"]
    candidates = validated(problem, store, [chosen], seeds, say)
    return best_refitted(problem, candidates, seeds, say, refit)[1]


def made_of(
    candidates: Sequence[Candidate], trials: int, basis: Mapping[str, Any], opening: Opening
) -> dict[str, Any]:
    """What an answer says of how it was made."""
    return {
        "candidates": [candidate.as_plain() for candidate in candidates],
        "trials": trials,
        "basis": basis,
        "opening": opening.number,
        "opening_id": opening.id,
        "opened_before_by": list(opening.others),
    }


def basis_of(
    study: StudyFile, store: Store, top: int, seeds: int, plan: walks.Plan | None
) -> dict[str, Any]:
    """What an answer is made of; an answer of one fit has no walk, one of earlier no `own`."""
    best = best_trials(store, top)
    basis: dict[str, Any] = {
        "trials": [trial.number for trial in best],
        "seeds": seeds,
        "top": top,
        "walk": plan and plan.settings,
    }
    return basis | ({"own": study.measuring_code} if study.measuring_code else {})


def _opened(
    problem: Problem,
    store: Store,
    walk: walks.Walk | None,
    begun: walks.Begun | None,
    basis: dict[str, Any],
    trials: int,
    say: Say,
) -> Opening:
    """The opening of the test, entered before the rows are looked at.

    A walk that goes on is the look that it began with: nothing was shown of it.
    """
    if walk and begun and begun.identity == walk.identity:
        say(
            _(
                "going on with opening number {number} of the locked test",
                number=begun.opening.number,
            )
        )
        return begun.opening
    prices, rows = problem.prices, problem.split.test
    rows = np.arange(rows[0], rows[-1] + problem.steps)  # what is shown of the last path, too
    opening = open_test(store, marks(prices.dates.to_numpy(), prices.closes, rows))
    if walk:
        walks.Begun(walk.identity, opening, basis, trials).note(store)
    say(_("opening the locked test (opening number {number})", number=opening.number))
    return opening
