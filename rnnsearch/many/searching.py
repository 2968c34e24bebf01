"""The searches of all series, which share their workers.

Each series has a driver of its own, and all take turns in this process: the earlier in the list has
the workers first, and where it has no trial for one that is idle, the next series begins. So no
core waits while a series ends. One that another process searches, in a store of one driver, comes
again after the others: two processes on one SQLite divide a folder between them.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol, cast

from rnnsearch.errors import HeldStudyError, NoTrialError, RnnsearchError
from rnnsearch.language import _
from rnnsearch.many.family import Family, Member
from rnnsearch.many.pool import Pool
from rnnsearch.search import engines
from rnnsearch.search.driver.deadline import Deadline
from rnnsearch.search.driver.driver import WAIT_SECONDS, Interrupted, listening
from rnnsearch.search.driver.running import View
from rnnsearch.search.engines.base import SharedWorkers
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import begun, search
from rnnsearch.search.store.store import Store

AHEAD = 4  # drivers beside as many as there are workers: those whose trials or runs are ending

Turns = Generator[None, None, None]


class Views(Protocol):
    """Whoever shows the searches to the user."""

    def of(self, series: str) -> View: ...
    def over(self, series: str) -> None: ...
    def notice(self, text: str) -> None: ...


class FailedSeries(RnnsearchError):  # noqa: N818
    """Some of the searches could not be run; the others have."""

    def __init__(self, failed: dict[Member, RnnsearchError]) -> None:
        self.exit_code = next(iter(failed.values())).exit_code
        super().__init__("\n".join(f"{one.series}: {error}" for one, error in failed.items()))


def search_all(
    family: Family,
    problems: dict[Member, Problem],
    views: Views,
    *,
    trials: str | None = None,
    deadline: Deadline,
    fork_of: Callable[[Member], str | None] = lambda member: None,
) -> None:
    """Search every series until it has its finished trials, as `searching.search` does with one.

    `problems`: of the members that can be used. A series whose search cannot be run ends alone.
    Raises Interrupted after a signal, FailedSeries, NoTrialError where no series has a trial that
    was completed.
    """
    searches = _Searches(problems, views, trials, deadline, fork_of)
    engine = engines.by_name(family.study.run.engine)
    engine.require()
    if engine.shares:
        searches.together()
    else:
        views.notice(
            _(
                'the engine "{engine}" trains one study at a time, so the series are searched one '
                "after the other",
                engine=engine.name,
            )
        )
        searches.in_turn()
    if searches.failed:
        raise FailedSeries(searches.failed)
    if not deadline.stopped:
        _check_results(family, problems)


@dataclass(eq=False)
class _Searches:
    """What `search_all` was asked for, and what has failed of it."""

    problems: dict[Member, Problem]
    views: Views
    trials: str | None
    deadline: Deadline
    fork_of: Callable[[Member], str | None]
    failed: dict[Member, RnnsearchError] = field(default_factory=dict)
    waiting: list[Member] = field(init=False)
    held: set[Member] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.waiting = list(self.problems)

    def together(self) -> None:
        """All series by the same workers. Raises Interrupted."""
        interrupts: list[int] = []
        waiting = self.waiting
        at_work: dict[Member, Turns] = {}
        began = engines.start(self.problems[waiting[0]], self.views.notice)
        workers = cast(SharedWorkers, began)  # of an engine that shares them
        with closing(workers), listening(interrupts):
            pool = Pool(workers, self.views.notice)
            try:
                while True:
                    for member in list(at_work):
                        self._take_turn(member, at_work)
                    room = len(at_work) < workers.count + AHEAD
                    if waiting and room and not (interrupts or self.deadline.over()):
                        if not at_work or workers.has_idle():
                            member = waiting.pop(0)
                            at_work[member] = self._turns(member, pool, interrupts)
                            continue
                    elif not at_work:
                        break
                    pool.listen(WAIT_SECONDS)
            finally:
                for one in at_work.values():  # each lets go of its trials
                    one.close()
        self.deadline.stopped = bool(waiting) or self.deadline.stopped
        if interrupts:
            raise Interrupted(interrupts[0])

    def in_turn(self) -> None:
        """One series after the other. Raises Interrupted."""
        while self.waiting:
            if self.deadline.over():
                self.deadline.stopped = True
                return
            member = self.waiting.pop(0)
            try:
                search(
                    member.study,
                    self.views.of(member.series),
                    trials=self.trials,
                    fork_of=self.fork_of(member),
                    deadline=self.deadline,
                    problem=self.problems[member],
                )
            except RnnsearchError as error:
                if self._comes_again(member, error):
                    continue
                self._fail(member, error)
            self.views.over(member.series)

    def _turns(self, member: Member, pool: Pool, interrupts: list[int]) -> Turns:
        problem = self.problems[member]
        with (
            closing(pool.share(problem)) as share,
            begun(
                problem,
                self.views.of(member.series),
                share,
                trials=self.trials,
                fork_of=self.fork_of(member),
                deadline=self.deadline,
                interrupts=interrupts,
            ) as driver,
        ):
            in_order = False
            try:
                yield from driver.turns()
                in_order = True
                while not driver.is_tracked:
                    yield
            finally:
                driver.end(in_order=in_order)

    def _take_turn(self, member: Member, at_work: dict[Member, Turns]) -> None:
        try:
            next(at_work[member])
            return
        except StopIteration:
            pass
        except RnnsearchError as error:
            if self._comes_again(member, error):
                del at_work[member]
                return
            self._fail(member, error)
        del at_work[member]
        self.views.over(member.series)

    def _comes_again(self, member: Member, error: RnnsearchError) -> bool:
        """Whether a series that another process has is looked at once more, after the others."""
        if not isinstance(error, HeldStudyError) or member in self.held or not self.waiting:
            return False
        self.held.add(member)
        self.waiting.append(member)
        return True

    def _fail(self, member: Member, error: RnnsearchError) -> None:
        self.failed[member] = error
        self.views.notice(
            _("{series}: {error}; the other series go on", series=member.series, error=error)
        )


def _check_results(family: Family, problems: dict[Member, Problem]) -> None:
    for member in problems:
        if any(trial.is_complete for trial in Store(member.study, create=False).trials()):
            return
    raise NoTrialError(
        f"{family.name}: no trial of any series was completed, so there is no result; "
        f"`rnnsearch status STUDY --series {next(iter(problems)).series}` tells more"
    )
