"""All fits of a walk, on all workers.

Cold refits hang on nothing, so any worker takes any of them. Warm ones go on from the weights of
the one before: each seed is a chain, and as many workers are of use as there are seeds, and
baselines beside them.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from rnnsearch.arrays import Rows
from rnnsearch.errors import RnnsearchError
from rnnsearch.scoring.words import duration
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import (
    BaselineRefit,
    Done,
    Event,
    Failed,
    Lost,
    NetworkRefit,
    Refit,
    Refitted,
    Workers,
)
from rnnsearch.verdict.walk.kept import Kept
from rnnsearch.verdict.walk.plan import Plan

DIVERGED = "diverged"
"""How the reason of a network begins that has no weights; see `trial.runner`."""

TOLD_SHARE, TOLD_SECONDS = 0.05, 60.0
"""The user hears of a walk after so much more of it, or so long."""

Found = dict[tuple[int, int], Refitted | str]
"""(who, block) -> forecasts, or why there are none."""


@dataclass(frozen=True)
class Fit:
    """`fold` is the block's own, or an earlier one where a network diverged on that."""

    who: int
    block: int
    fold: int


@dataclass(frozen=True, eq=False)
class Fitting:
    """What is fitted: first the champion under each seed, then each baseline by name."""

    problem: Problem
    parameters: TrialParameters
    formulation: int | None
    seeds: tuple[int, ...]
    baselines: tuple[str, ...]
    plan: Plan
    kept: Kept

    @property
    def count(self) -> int:
        """Of fits in all."""
        return len(self.plan.folds) * (len(self.seeds) + len(self.baselines))

    def done(self) -> Found:
        """What an earlier process has left of them."""
        found: Found = {}
        for block, fold in enumerate(self.plan.folds):
            for who in range(len(self.seeds) + len(self.baselines)):
                result = self.kept.read(who, block, len(fold.validation))
                if result is not None:
                    found[who, block] = result
        if self.plan.warm:
            self._cut_chains(found)
        return found

    def run(self, workers: Workers, say: Callable[[str], None]) -> Found:
        """Fit what is not done yet. Raises RnnsearchError where a network cannot be trained."""
        return _Run(self, workers, say).all()

    def task(self, number: int, fit: Fit) -> Refit:
        folds = self.plan.folds
        learnt, told = folds[fit.fold], folds[fit.block]
        train, rows = _ends(learnt.train), _ends(told.validation)
        history = (learnt.history.start, learnt.history.stop)
        if not self.is_network(fit.who):
            return BaselineRefit(
                number,
                self.parameters.plain(),
                formulation=self.formulation,
                baseline=self.baselines[fit.who - len(self.seeds)],
                own=self.problem.study.evaluate.baselines,
                train=train,
                told=rows,
                history=history,
            )
        settled = replace(self.parameters, seed=self.seeds[fit.who])
        weights = b""
        if self.plan.warm and fit.block:
            weights = self.kept.weights(fit.who, fit.block - 1)
        if weights:
            settled = replace(settled, epochs=1)
        return NetworkRefit(
            number,
            settled.plain(),
            formulation=self.formulation,
            weights=weights,
            newest=self.plan.newest(self.parameters.epochs),
            kept=self.plan.warm,
            train=train,
            told=rows,
            history=history,
        )

    def is_network(self, who: int) -> bool:
        return who < len(self.seeds)

    def name(self, fit: Fit) -> str:
        date = self.problem.prices.dates[self.plan.folds[fit.block].validation[0]]
        if self.is_network(fit.who):
            return f"the champion's refit for {date:%Y-%m-%d}, seed {fit.who + 1}"
        return f"{self.baselines[fit.who - len(self.seeds)]} for {date:%Y-%m-%d}"

    def _cut_chains(self, found: Found) -> None:
        """Where the weights are gone that a chain would go on from, it begins again."""
        last = len(self.plan.folds) - 1
        for who in range(len(self.seeds)):
            done = next((b for b in range(last + 1) if (who, b) not in found), last + 1)
            goes_on = done in (0, last + 1) or isinstance(found[who, done - 1], str)
            if not goes_on and not self.kept.weights(who, done - 1):
                done = 0
            for block in range(done, last + 1):
                found.pop((who, block), None)


class _Run:
    """One process's part of it."""

    def __init__(self, fitting: Fitting, workers: Workers, say: Callable[[str], None]) -> None:
        self.fitting, self.workers, self.say = fitting, workers, say
        self.found = fitting.done()
        everyone = range(len(fitting.seeds) + len(fitting.baselines))
        self.waiting = [
            Fit(who, block, block)
            for block in range(len(fitting.plan.folds))
            for who in everyone
            if (who, block) not in self.found
        ]
        for (who, _), result in list(self.found.items()):
            if isinstance(result, str):
                self._give_up(who, result)
        self.running: dict[int, Fit] = {}
        self.numbers = itertools.count(1)
        self.lost: Counter[Fit] = Counter()
        self.before = self.told = len(self.found)
        self.began = self.told_at = time.monotonic()

    def all(self) -> Found:
        while self.waiting or self.running:
            while self.workers.has_idle() and (fit := self._next()) is not None:
                number = next(self.numbers)
                self.running[number] = fit
                self.workers.submit(self.fitting.task(number, fit))
            for event in self.workers.events(0.5):
                self._hear(event)
        return self.found

    def _next(self) -> Fit | None:
        """The first fit that hangs on nothing that is not done."""
        warm = self.fitting.plan.warm
        for place, fit in enumerate(self.waiting):
            first = not warm or fit.block == 0 or not self.fitting.is_network(fit.who)
            if first or (fit.who, fit.block - 1) in self.found:
                return self.waiting.pop(place)
        return None

    def _hear(self, event: Event) -> None:
        match event:
            case Done(number=number, outcome=Refitted() as outcome):
                self._keep(self.running.pop(number), outcome)
            case Failed(number=number, reason=reason):
                self._failed(self.running.pop(number), reason)
            case Lost(number=int(number), reason=reason, blameless=blameless):
                self._lost(self.running.pop(number), reason, blameless)

    def _failed(self, fit: Fit, reason: str) -> None:
        if not self.fitting.is_network(fit.who):
            self._keep(fit, reason)
            self._give_up(fit.who, reason)
            return
        if not reason.startswith(DIVERGED):
            raise RnnsearchError(
                f"{self.fitting.name(fit)}: {reason}; the walk goes on from here when `rnnsearch "
                "evaluate` is run again, such as with a smaller [run] workers"
            )
        if self.fitting.plan.warm or fit.fold == 0:
            self.say(f"{self.fitting.name(fit)} {reason}: the one fit's weights stay")
            self._keep(fit, reason)
            return
        self.say(f"{self.fitting.name(fit)} {reason}: the weights before it stay")
        self.waiting.insert(0, replace(fit, fold=fit.fold - 1))

    def _lost(self, fit: Fit, reason: str, blameless: bool) -> None:
        self.lost[fit] += not blameless
        if self.lost[fit] < 2:
            self.waiting.insert(0, fit)
            return
        if self.fitting.is_network(fit.who):
            raise RnnsearchError(
                f"{self.fitting.name(fit)} ended its worker twice: {reason}; set [run] workers to "
                "a smaller number, or device to cpu: the walk goes on from here"
            )
        self._failed(fit, f"it ended its worker twice: {reason}")

    def _give_up(self, who: int, reason: str) -> None:
        """A baseline that fails on one block is not compared: its other fits are not needed."""
        if self.fitting.is_network(who):
            return
        left = [fit for fit in self.waiting if fit.who == who]
        self.waiting = [fit for fit in self.waiting if fit.who != who]
        self.found.update({(who, fit.block): reason for fit in left})

    def _keep(self, fit: Fit, result: Refitted | str) -> None:
        self.fitting.kept.keep(fit.who, fit.block, result)
        if isinstance(result, Refitted):
            result = replace(result, weights=b"")
        self.found[fit.who, fit.block] = result
        self._tell()

    def _tell(self) -> None:
        done, total, now = len(self.found), self.fitting.count, time.monotonic()
        much = done - self.told >= TOLD_SHARE * total or now - self.told_at >= TOLD_SECONDS
        if not much and done < total:
            return
        left = (now - self.began) / max(done - self.before, 1) * (total - done)
        remaining = f", about {duration(left)} left" if done < total else ""
        self.say(f"walked: {done:,} of {total:,} fits{remaining}")
        self.told, self.told_at = done, now


def _ends(rows: Rows) -> tuple[int, int]:
    return int(rows[0]), int(rows[-1]) + 1
