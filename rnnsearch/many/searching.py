"""The searches of all series, which share their workers.

Each series has a driver of its own, and all take turns in this process: the earlier in the list has
the workers first, and where it has no trial for one that is idle, the next series begins. So no
core waits while a series ends.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Protocol

from rnnsearch.errors import NoTrialError, RnnsearchError
from rnnsearch.many.family import Family, Member
from rnnsearch.many.pool import Pool
from rnnsearch.search import engines
from rnnsearch.search.driver.deadline import Deadline
from rnnsearch.search.driver.driver import WAIT_SECONDS, Interrupted, listening
from rnnsearch.search.driver.running import View
from rnnsearch.search.engines.local import LocalWorkers
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import begun, search
from rnnsearch.search.store.store import Store

AHEAD = 4  # drivers beside as many as there are workers: those whose trials or runs are ending

Turns = Iterator[None]


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
    failed: dict[Member, RnnsearchError] = {}
    engine = engines.by_name(family.study.run.engine)
    engine.require()
    if engine.shares:
        _together(problems, views, failed, trials, deadline, fork_of)
    else:
        views.notice(
            f'the engine "{engine.name}" trains one study at a time, so the series are searched '
            "one after the other"
        )
        _in_turn(problems, views, failed, trials, deadline, fork_of)
    if failed:
        raise FailedSeries(failed)
    if not deadline.stopped:
        _check_results(family, problems)


def _together(
    problems: dict[Member, Problem],
    views: Views,
    failed: dict[Member, RnnsearchError],
    trials: str | None,
    deadline: Deadline,
    fork_of: Callable[[Member], str | None],
) -> None:
    interrupts: list[int] = []
    waiting = list(problems)
    at_work: dict[Member, Turns] = {}
    workers = engines.start(problems[waiting[0]], views.notice)
    assert isinstance(workers, LocalWorkers)
    with closing(workers), listening(interrupts):
        pool = Pool(workers, views.notice)

        def turns(member: Member) -> Turns:
            problem, view = problems[member], views.of(member.series)
            share = pool.share(problem)
            fork = fork_of(member)
            with begun(
                problem,
                view,
                share,
                trials=trials,
                fork_of=fork,
                deadline=deadline,
                interrupts=interrupts,
            ) as driver:
                in_order = False
                try:
                    yield from driver.turns()
                    in_order = True
                    while not driver.is_tracked:
                        yield
                finally:
                    driver.end(in_order=in_order)

        try:
            while True:
                for member in list(at_work):
                    _take_turn(member, at_work, failed, views)
                room = len(at_work) < workers.count + AHEAD
                if waiting and room and not (interrupts or deadline.over()):
                    if not at_work or workers.has_idle():
                        member = waiting.pop(0)
                        at_work[member] = turns(member)
                        continue
                elif not at_work:
                    break
                pool.listen(WAIT_SECONDS)
        finally:
            for one in at_work.values():  # each lets go of its trials
                one.close()  # type: ignore[attr-defined]
    deadline.stopped = bool(waiting) or deadline.stopped
    if interrupts:
        raise Interrupted(interrupts[0])


def _take_turn(
    member: Member, at_work: dict[Member, Turns], failed: dict[Member, RnnsearchError], views: Views
) -> None:
    try:
        next(at_work[member])
        return
    except StopIteration:
        pass
    except RnnsearchError as error:
        failed[member] = error
        views.notice(f"{member.series}: {error}; the other series go on")
    del at_work[member]
    views.over(member.series)


def _in_turn(
    problems: dict[Member, Problem],
    views: Views,
    failed: dict[Member, RnnsearchError],
    trials: str | None,
    deadline: Deadline,
    fork_of: Callable[[Member], str | None],
) -> None:
    for member, problem in problems.items():
        if deadline.over():
            deadline.stopped = True
            return
        try:
            search(
                member.study,
                views.of(member.series),
                trials=trials,
                fork_of=fork_of(member),
                deadline=deadline,
                problem=problem,
            )
        except RnnsearchError as error:
            failed[member] = error
            views.notice(f"{member.series}: {error}; the other series go on")
        views.over(member.series)


def _check_results(family: Family, problems: dict[Member, Problem]) -> None:
    for member in problems:
        if any(trial.is_complete for trial in Store(member.study, create=False).trials()):
            return
    raise NoTrialError(
        f"{family.name}: no trial of any series was completed, so there is no result; "
        f"`rnnsearch status STUDY --series {next(iter(problems)).series}` tells more"
    )
