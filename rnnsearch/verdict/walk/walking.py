"""A walk from its cost to what comes out, and the one opening of the test that it is.

Study attribute: `walk`, one that was begun and has no answer yet. It is one look at the locked
rows, however often it is killed: what was fitted is shown to nobody before all of it is, and only a
walk of the same champion, baselines and settings goes on with it. Any other is a further opening.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.config import StudyFile, digest, home
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.scoring import baselines
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.quantiles import Fan, naive_fans
from rnnsearch.scoring.words import duration
from rnnsearch.search import engines
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.openings import Opening
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.packing import unpack
from rnnsearch.search.trial.protocol import Refitted, Workers
from rnnsearch.verdict import comparison
from rnnsearch.verdict.champion import Candidate
from rnnsearch.verdict.comparison import Line
from rnnsearch.verdict.walk.fitting import Fitting, Found
from rnnsearch.verdict.walk.kept import Kept
from rnnsearch.verdict.walk.plan import Plan
from rnnsearch.verdict.walk.rows import walked_rows
from rnnsearch.version import __version__

Say = Callable[[str], None]

WALK = "walk"  # study attribute


@dataclass(frozen=True)
class Begun:
    """A walk that has opened the test and has no answer yet."""

    identity: str
    opening: Opening
    basis: dict[str, Any]  # as of an answer
    trials: int  # that were finished then

    def note(self, store: Store) -> None:
        store.note(WALK, asdict(self))


def begun(store: Store) -> Begun | None:
    plain = store.notes().get(WALK)
    if plain is None:
        return None
    opening = plain["opening"]
    return Begun(
        plain["identity"],
        Opening(opening["id"], opening["number"], tuple(opening["others"])),
        plain["basis"],
        plain["trials"],
    )


def end(study: StudyFile, store: Store) -> None:
    """The answer is noted: what led to it is not needed any more."""
    if store.notes().get(WALK) is not None:
        store.note(WALK, None)
    with contextlib.suppress(OSError):
        shutil.rmtree(_folder(study))


@dataclass(frozen=True, eq=False)
class Walk:
    """One that can begin: its workers have started, and no locked row was looked at."""

    identity: str
    fitting: Fitting
    workers: Workers
    champion: Forecaster

    @property
    def plan(self) -> Plan:
        return self.fitting.plan

    def line(self, once: Line, say: Say) -> Line:
        """The same rows as `once`, from refits; the test is open."""
        began = time.perf_counter()
        found = self.fitting.run(self.workers, say)
        say(f"walked in {duration(time.perf_counter() - began)}")
        fitting, folds = self.fitting, self.plan.folds
        problem, horizon = fitting.problem, fitting.parameters.output_shift
        test = walked_rows(problem.prices.quotes, folds, horizon, problem.target)
        return Line(
            test=test,
            by_seed=np.stack([self._network(who, found, once) for who in self._seeds]),
            simple={
                name: self._baseline(len(fitting.seeds) + place, found)
                for place, name in enumerate(fitting.baselines)
            },
            fan=self._fan(found, once),
        )

    def told(self) -> dict[str, Any]:
        """For the answer: every, window, start, refits, and the first target date of each."""
        dates = self.fitting.problem.prices.dates
        days = [f"{dates[fold.validation[0]]:%Y-%m-%d}" for fold in self.plan.folds]
        rows = [len(fold.train) for fold in self.plan.folds]
        told = {"refits": len(days), "days": days, "rows": [rows[0], rows[-1]]}
        return self.plan.settings | told

    @property
    def _seeds(self) -> range:
        return range(len(self.fitting.seeds))

    def _network(self, who: int, found: Found, once: Line) -> Floats:
        """(n,) of one seed; where it has no weights of its own, those of the one fit stay."""
        parts, first = [], self.plan.folds[0].validation[0]
        for block, fold in enumerate(self.plan.folds):
            result = found[who, block]
            if isinstance(result, Refitted):
                parts.append(unpack(result.forecasts))
            else:
                parts.append(once.by_seed[who, fold.validation - first])
        return np.concatenate(parts)

    def _fan(self, found: Found, once: Line) -> Fan | None:
        """The mean quantiles of the seeds; what doing nothing says is learnt as often as they."""
        if once.fan is None:
            return None
        problem, levels = self.fitting.problem, once.fan.levels
        horizon, first = self.fitting.parameters.output_shift, self.plan.folds[0].validation[0]
        fans = []
        for block, fold in enumerate(self.plan.folds):
            every = [
                unpack(result.quantiles).reshape(-1, len(levels))
                if isinstance(result := found[who, block], Refitted)
                else once.fan.values[fold.validation - first]
                for who in self._seeds
            ]
            naive = naive_fans(
                problem.target,
                problem.prices.quotes,
                fold.validation,
                horizon,
                fold.train,
                levels,
            )
            fans.append(Fan(levels, np.mean(every, axis=0), naive))
        return Fan.joined(fans)

    def _baseline(self, who: int, found: Found) -> baselines.Fitted | Skipped:
        results = [found[who, block] for block in range(len(self.plan.folds))]
        fits: list[Refitted] = []
        for result in results:
            if isinstance(result, str):
                return Skipped(f"one of its refits has no forecast: {result}")
            fits.append(result)
        chosen = f"{len(fits):,} fits" + (
            f", the last {fits[-1].chosen}" if fits[-1].chosen else ""
        )
        return baselines.Fitted(
            np.concatenate([unpack(fit.forecasts) for fit in fits]),
            chosen,
            len(self.plan.folds[-1].train),
            sum(fit.seconds for fit in fits),
        )


@contextlib.contextmanager
def prepared(
    problem: Problem,
    plan: Plan | None,
    winner: Candidate,
    champion: Forecaster,
    *,
    seconds: float,
    say: Say,
) -> Iterator[Walk | None]:
    """Tell what the walk costs, and start its workers; `seconds` is what one network took.

    None without a plan. Raises StudyFileError where its workers cannot be placed: that costs no
    opening.
    """
    if plan is None:
        yield None
        return
    simple = comparison.rehearsed(problem, winner.parameters, champion.target_scale)
    names = tuple(simple)
    identity = _identity(problem, plan, champion, names)
    fitting = Fitting(
        problem=problem,
        parameters=winner.parameters,
        formulation=winner.formulation,
        seeds=champion.spec.seeds,
        baselines=names,
        plan=plan,
        kept=Kept(_folder(problem.study) / identity),
    )
    done = len(fitting.done())
    most = max(fitting.count - done, 1)
    with closing(engines.start(problem, say, most=most)) as workers:
        say(_cost(fitting, done, seconds, simple, workers.count))
        yield Walk(identity, fitting, workers, champion)


def _cost(
    fitting: Fitting, done: int, seconds: float, simple: Mapping[str, float], workers: int
) -> str:
    plan, refits, seeds = fitting.plan, len(fitting.plan.folds), len(fitting.seeds)
    sessions = sum(len(fold.validation) for fold in plan.folds)
    grown = float(np.mean([len(fold.train) for fold in plan.folds]))
    split = fitting.problem.split
    network = seconds * grown / len(split.refit.train)
    if plan.warm:
        epochs = fitting.parameters.epochs
        share = min(plan.newest(epochs) / grown, 1) / epochs
        network *= (1 + share * (refits - 1)) / refits
    each = seeds * network + sum(simple.values()) * grown / len(split.folds[-1].train)
    left = refits * each * (1 - done / fitting.count) / max(workers, 1)
    what = (
        f"a walk through the locked test: {refits:,} refits, one every {plan.every} of "
        f"{sessions:,} sessions, on {plan.rows_in_words}, {plan.weights_in_words}; that is "
        f"{refits * seeds:,} trainings of the champion and {refits * len(simple):,} fits of "
        f"{len(simple)} baselines"
    )
    if done:
        what += f", of which {done:,} are done"
    on = f"{workers} worker{'s' * (workers != 1)}"
    return f"{what}; about {duration(max(left, 1))} on {on}"


def _identity(problem: Problem, plan: Plan, champion: Forecaster, names: tuple[str, ...]) -> str:
    """Equal for walks that would be the same."""
    test = problem.split.test
    return digest(
        "walk",
        champion.spec.identity,
        list(champion.spec.seeds),
        plan.settings,
        [int(test[0]), int(test[-1])],
        list(names),
        problem.study.measuring_code,
        __version__,
    )


def _folder(study: StudyFile) -> Path:
    return home() / "walks" / study.name
