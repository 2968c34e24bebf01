"""A study from its file to its end: the store opened, the workers started, the driver run."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager

from rnnsearch.config import StudyFile, digest, home
from rnnsearch.errors import NoTrialError, StudyFileError
from rnnsearch.search import engines
from rnnsearch.search.driver.deadline import Deadline
from rnnsearch.search.driver.driver import Driver, Interrupted
from rnnsearch.search.driver.forking import Fork
from rnnsearch.search.driver.patience import Patience
from rnnsearch.search.driver.running import RunningTrial, View
from rnnsearch.search.inputs.candidates import describe
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.references import references
from rnnsearch.search.space.samplers import build_pruner
from rnnsearch.search.space.suggesting import grid_size
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.leases import is_abandoned, only_driver, working
from rnnsearch.search.store.records import parent_record, run_record, tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import FAILED, FINISHED, WAITING
from rnnsearch.search.trial.protocol import Workers
from rnnsearch.shown import number_of
from rnnsearch.tracking import RunRecord
from rnnsearch.tracking import sync as bring_up_to_date
from rnnsearch.version import __version__

__all__ = ["Interrupted", "RunningTrial", "begun", "check_result", "check_wanted", "search", "sync"]


def search(
    study: StudyFile,
    view: View,
    *,
    trials: str | None = None,
    fork_of: str | None = None,
    deadline: Deadline | None = None,
    problem: Problem | None = None,
) -> Store:
    """Search a study until it has its finished trials, and resume it if it exists.

    `trials`: "100" sets how many finished trials it shall have, "+50" asks for 50 more. `fork_of`:
    name of a study whose trials a new one begins with. `deadline`: when no more trials are begun;
    the study's `timeout` from now on, where it is not given. `problem`: the study's, where it is
    loaded already. Raises Interrupted after a signal, else the errors of `Problem`, `Store` and
    workers.
    """
    deadline = deadline or Deadline(study.study.timeout)
    check_wanted(trials)
    problem = problem or Problem.load(study, tried=True)
    for warning in problem.notes:
        view.notice(warning)
    with (
        closing(engines.start(problem, view.notice)) as workers,
        begun(problem, view, workers, trials=trials, fork_of=fork_of, deadline=deadline) as driver,
    ):
        driver.run()
    return driver.store


@contextmanager
def begun(
    problem: Problem,
    view: View,
    workers: Workers,
    *,
    deadline: Deadline,
    trials: str | None = None,
    fork_of: str | None = None,
    interrupts: list[int] | None = None,
) -> Iterator[Driver]:
    """The driver of a study whose store is open for it alone, and prepared; see `search`."""
    study = problem.study
    for note in describe(problem.candidates.record()):  # a ranking takes seconds, as workers do
        view.notice(note)
    old = None if fork_of is None else Store(_renamed(study, fork_of), create=False)
    store = Store(study)
    with storage_errors(store.url), only_driver(store) as alone:
        fork = None if old is None else Fork(store, old, problem)
        patience = Patience(store, view.notice, hurry=lambda: False)
        target = patience.do(_prepare, store, problem, view, trials, fork)
        view.begin(store, target, workers.count)
        yield Driver(
            problem,
            store,
            workers,
            view,
            target=target,
            alone=alone,
            deadline=deadline,
            interrupts=interrupts,
        )


def check_wanted(trials: str | None) -> None:
    """Raise StudyFileError where `trials` of `search` is neither "100" nor "+50"."""
    if trials is not None and not re.fullmatch(r"\+?[1-9][0-9]{0,8}", trials):
        raise StudyFileError(
            f"--trials: a number from 1 on, like 100, or +50 for 50 more, got {trials!r}"
        )


def _prepare(
    store: Store, problem: Problem, view: View, trials: str | None, fork: Fork | None
) -> int:
    """Note what the study is about and queue what it begins with; returns its target.

    May be called again where the storage failed on the way.
    """
    study = problem.study
    with store.turn():
        if fork is not None:
            copied = fork.copy()
            room = _target(study, store, problem, trials) - store.finished()
            queued = fork.queue(room // 2)
            view.notice(
                f"study {store.name} begins with {fork.old}: "
                f"{number_of(copied, 'finished trial still holds', 'finished trials still hold')}, "
                f"{number_of(queued, 'configuration is', 'configurations are')} trained again"
            )
        store.claim(study.fingerprint(), problem.data_record())
    _compare_versions(store, view)
    if store.formerly:
        view.notice(store.formerly)
    store.prune_with(build_pruner(study))
    target = _target(study, store, problem, trials)
    store.note("target_trials", target)
    without_passwords = {"run": {"storage", "tracking"}}
    store.note("inputs", problem.candidates.record())
    if study.valued_by:
        store.note("objective", problem.objective.plain)
    store.note("study_file", study.model_dump(mode="json", exclude=without_passwords))
    if study.study.references:
        store.queue_references(references(study, problem.candidates), target)
    return target


def check_result(store: Store) -> None:
    """Raise NoTrialError, with the reasons of those that failed, where no trial was completed."""
    trials = store.trials()
    if any(trial.is_complete for trial in trials):
        return
    reasons = {str(trial.reason) for trial in trials if trial.state == FAILED}
    raise NoTrialError(
        f"{store.name}: no trial was completed, so there is no result"
        + (f"; they failed with: {'; '.join(sorted(reasons)[:3])}" if reasons else "")
    )


def _renamed(study: StudyFile, name: str) -> StudyFile:
    return study.model_copy(update={"study": study.study.model_copy(update={"name": name})})


def _compare_versions(store: Store, view: View) -> None:
    made_by = {str(trial.environment.get("rnnsearch", "")) for trial in store.trials()}
    if others := made_by - {"", __version__}:
        view.notice(
            f"study {store.name} has trials of rnnsearch {', '.join(sorted(others))}, and this is "
            f"{__version__}, where the same parameters may have another result; `rnnsearch search "
            "STUDY --fork NAME` begins a new study that trains the best of them again"
        )


def _target(study: StudyFile, store: Store, problem: Problem, trials: str | None) -> int:
    """Finished trials wanted: the flag, else the larger of the file's and what was asked before."""
    if trials is None:
        target = max(study.study.trials, store.target_trials)
    elif trials.startswith("+"):
        target = store.finished() + int(trials)
    else:
        target = int(trials)
    if study.study.sampler == "grid":
        finished = store.trials(*FINISHED)
        tried = len({digest(trial.drawn) for trial in finished})
        target = min(target, len(finished) + max(grid_size(study, problem.candidates) - tried, 0))
    return target


def sync(problem: Problem) -> dict[str, int]:
    """Make MLflow say what the store says; see `tracking.sync`."""
    study = problem.study
    store = Store(study, create=False)
    with storage_errors(store.url):
        unfinished: set[int] = set()

        def read() -> list[RunRecord]:
            drivers = working(store)
            trials = [trial for trial in store.trials() if trial.state != WAITING]
            unfinished.update(t.number for t in trials if not t.is_over)
            return [run_record(t, abandoned=is_abandoned(t, drivers)) for t in trials]

        uri = tracking_uri(study)
        parent = parent_record(problem, store.id)
        done, over = bring_up_to_date(uri, parent, home() / "artifacts", read)
        # What is shown as interrupted is ended, and told again, by the next search.
        store.mark_tracked("sync", uri, over - unfinished)
    return done
