"""The champion: chosen among the best trials by validation, over folds and seeds, never by test."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.config import digest
from rnnsearch.errors import NoTrialError, RnnsearchError, StudyFileError
from rnnsearch.language import _
from rnnsearch.model.paths import apart, later, shaped
from rnnsearch.scoring.metrics.theirs import MetricError
from rnnsearch.scoring.objectives import PLACE, valued
from rnnsearch.scoring.parts import Part
from rnnsearch.search import engines
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView, best_first, trained
from rnnsearch.search.trial.judging import judge
from rnnsearch.search.trial.packing import unpack
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import Done, Failed, Lost, Outcome, Task

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Candidate:
    """A trial, and what it came to under each seed that trained to its end, its own seed first.

    It is chosen by its mean gain, which is what the search maximises.
    """

    trial: TrialView
    parameters: TrialParameters
    skills: tuple[float, ...]
    gains: tuple[float, ...]
    forecasts: tuple[Floats, ...]  # (m,) or (m, k) of all folds' validation rows, one per seed
    formulation: int | None = None  # of its study; None for the newest
    quantiles: tuple[Floats, ...] = ()  # (m, Q) of the same rows, where they are forecast

    @property
    def skill(self) -> float:
        return float(np.mean(self.skills))

    @property
    def gain(self) -> float:
        return float(np.mean(self.gains))

    def as_plain(self) -> dict[str, Any]:
        return {
            "trial": self.trial.number,
            "skill": self.skill,
            "skills": list(self.skills),
            "gain": self.gain,
            "params": self.parameters.plain(),
        }


def best_trials(store: Store, count: int) -> list[TrialView]:
    """The best complete trials, at most `count`, best first. Raises NoTrialError without any."""
    complete = trained(store.trials())
    if not complete:
        raise NoTrialError(
            f"{store.name}: no trial was completed, so there is nothing to evaluate; run "
            "`rnnsearch search` first"
        )
    return best_first(complete)[:count]


def seeds_of(parameters: TrialParameters, count: int) -> list[int]:
    """The trial's own seed and further ones that follow from it."""
    return [
        parameters.seed,
        *(int(digest(parameters.seed, number), 16) % 2**31 for number in range(1, count)),
    ]


def validate(
    problem: Problem,
    trials: list[TrialView],
    seeds: int,
    say: Say,
    scoring: int = targets.SCORING,
    formulation: int | None = None,
) -> list[Candidate]:
    """Train every trial's folds again under further seeds; the best candidate first.

    A trial's own seed is among the best of many, the further ones are not. So a configuration that
    diverges under one of them stands behind all that do not, whatever its mean is then.
    """
    tasks: list[tuple[int, TrialParameters]] = []
    for place, trial in enumerate(trials):
        parameters = trial.parameters
        tasks += [(place, replace(parameters, seed=s)) for s in seeds_of(parameters, seeds)[1:]]
    results = _train(problem, [parameters for _, parameters in tasks], formulation, say)
    candidates = []
    for place, trial in enumerate(trials):
        again = [
            result for (owner, _), result in zip(tasks, results, strict=True) if owner == place
        ]
        if failed := again.count(None):
            say(
                _(
                    "trial {number} did not train to its end under {failed} of {count} seeds",
                    number=trial.number,
                    failed=failed,
                    count=seeds,
                )
            )
        done = [outcome for outcome in again if outcome]
        forecasts = (
            trial.forecasts,
            *(shaped(unpack(one.forecasts), problem.steps) for one in done),
        )
        parameters = trial.parameters
        fans: list[Floats | None] = [trial.quantiles]
        fans += [
            unpack(outcome.quantiles).reshape(-1, len(parameters.quantiles))
            if outcome.quantiles
            else None
            for outcome in done
        ]
        skills, gains = zip(
            *(
                validation_value(problem, parameters, forecast, scoring, fan)
                for forecast, fan in zip(forecasts, fans, strict=True)
            ),
            strict=True,
        )
        told = tuple(fan for fan in fans if fan is not None)
        candidates.append(Candidate(trial, parameters, skills, gains, forecasts, formulation, told))
    return sorted(candidates, key=lambda candidate: (-len(candidate.skills), -candidate.gain))


def best_refitted(
    problem: Problem,
    candidates: list[Candidate],
    seeds: int,
    say: Say,
    refit: Callable[[Problem, Candidate, int, Say], T | None],
) -> tuple[Candidate, T]:
    """The best candidate that trains on all rows before the test, and what `refit` makes of it."""
    for candidate in candidates:
        say(
            _("refitting trial {number} on all rows before the test", number=candidate.trial.number)
        )
        if champion := refit(problem, candidate, seeds, say):
            return candidate, champion
        say(
            _(
                "trial {number} diverged under every seed and is left out",
                number=candidate.trial.number,
            )
        )
    raise RnnsearchError(
        f"{problem.study.name}: none of the best {len(candidates)} trials could be trained on all "
        "rows before the test, each diverged; try `rnnsearch evaluate` with a larger --top or "
        "--seeds, or search a new study with lower learning rates"
    )


def validation_value(
    problem: Problem,
    parameters: TrialParameters,
    forecasts: Floats,
    scoring: int = targets.SCORING,
    quantiles: Floats | None = None,
) -> tuple[float, float]:
    """Mean skill over folds and steps, and gain by what is maximised; `forecasts` (m,), of a
    path (m, k), and `quantiles` (m, Q) are of all rows.

    Raises StudyFileError where that has no value.
    """
    try:
        found = [
            valued(problem.objective, parts, parameters.output_shift + step, scoring)
            for step, parts in enumerate(
                judged_steps(problem, parameters, forecasts, scoring, quantiles)
            )
        ]
    except MetricError as error:
        raise StudyFileError(f"{PLACE}: {error}; mend it there") from None
    skill, _, gain = (float(np.mean(each)) for each in zip(*found, strict=True))
    return skill, gain


def judged_steps(
    problem: Problem,
    parameters: TrialParameters,
    forecasts: Floats,
    scoring: int = targets.SCORING,
    quantiles: Floats | None = None,
) -> list[list[Part]]:
    """`judged`, of each step of the path."""
    return [
        judged(problem, parameters, said, scoring, quantiles, step=step)
        for step, said in enumerate(apart(forecasts, problem.steps))
    ]


def judged(
    problem: Problem,
    parameters: TrialParameters,
    forecasts: Floats,
    scoring: int = targets.SCORING,
    quantiles: Floats | None = None,
    *,
    step: int = 0,
) -> list[Part]:
    """Forecasts (m,) of the validation rows of all folds, as each fold is judged; of a path those
    of one step."""
    folds, h = [later(fold, step) for fold in problem.split.folds], parameters.output_shift + step
    quotes, levels = problem.prices.quotes, parameters.quantiles
    held = judge(folds, quotes, problem.target, h, scoring, levels)
    cuts = np.cumsum([len(fold.validation) for fold in folds])[:-1]
    said = np.split(forecasts if quantiles is None else quantiles, cuts)
    return [part for fold, one in zip(held, said, strict=True) for part in fold.of(one)]


def _train(
    problem: Problem, wanted: list[TrialParameters], formulation: int | None, say: Say
) -> list[Outcome | None]:
    """What each configuration came to on the folds; None where it did not train."""
    results: list[Outcome | None] = [None] * len(wanted)
    if not wanted:
        return results
    left = set(range(len(wanted)))
    waiting = sorted(left, reverse=True)
    lost: set[int] = set()
    with closing(engines.start(problem, say, here=True, most=len(wanted))) as workers:
        while left:
            while waiting and workers.has_idle():
                number = waiting.pop()
                workers.submit(Task(number, wanted[number].plain(), formulation=formulation))
            for event in workers.events(0.5):
                match event:
                    case Done(number=number, outcome=outcome):
                        results[number] = outcome
                    case Failed(number=number):
                        pass
                    case Lost(number=int(number), reason=reason):
                        if number in lost:
                            raise RnnsearchError(
                                f"a trial that had trained before ended its worker twice: {reason};"
                                " set [run] workers to a smaller number, or device to cpu"
                            )
                        lost.add(number)
                        waiting.append(number)
                        continue
                    case _:
                        continue
                left.discard(number)
                say(
                    _(
                        "validated {some} of {all}",
                        some=len(wanted) - len(left),
                        all=len(wanted),
                    )
                )
    return results
