"""The study in Optuna's storage: the one truth about every trial.

Study attributes                                 Trial attributes
  id             tells studies of one name apart   driver       who runs it
  fingerprint    what makes trials comparable      parameters   TrialParameters.plain()
  data           hashes, rows, dates               record       losses, metrics, folds, versions,
  target_trials  finished trials wanted                         what each input is worth
  driver:ID      lease of a driver                 forecasts    of the validation rows, packed
  tracked:ID     trials that driver ID logged      reason       why a trial has no result
                                                   duplicate_of, retry_of, deaths, surplus,
  scoring        how trials are valued             reference, forked_from (of an old study)
  formulation    what their networks learn

A trial whose driver is gone ends as FAIL with reason `interrupted`, and its parameters are queued
again as a new trial (`retry_of`). Such a trial counts neither as failed nor towards the target.
A driver that was stopped between counting and asking may have asked for a trial too many: that one
ends as `surplus`, and is queued again only if the target is raised.

Drivers that share a study on a server take turns (`Store.turn`) where one of them counts trials and
acts on the count: to ask for one more, or to queue one again.
"""

import contextlib
import secrets
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import filelock
import optuna
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState

from rnnsearch import targets
from rnnsearch.config import StudyFile
from rnnsearch.data.atomic import unwritable
from rnnsearch.errors import DataError, StorageError, StudyFileError, cut, shown
from rnnsearch.search.store.cached import INSERT, DriverStorage
from rnnsearch.search.store.databases import (
    open_storage,
    server_lock,
    sqlite_file,
    storage_errors,
    storage_url,
)
from rnnsearch.targets import SCORING
from rnnsearch.tracking import shown_uri

FORKING = "`rnnsearch search STUDY --fork NAME` begins a new study with what still applies"
INTERRUPTED = "interrupted"
MAX_ATTEMPTS = 5  # a trial whose driver died this often is told as failed
STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
FINISHED = ("complete", "pruned", "failed")  # they count towards the target


def state_of(trial: FrozenTrial) -> str:
    """complete, pruned, failed, running, waiting or interrupted."""
    if trial.state == TrialState.FAIL and trial.user_attrs.get("reason") == INTERRUPTED:
        return INTERRUPTED
    return STATES[trial.state]


def skill_of(trial: FrozenTrial) -> float | None:
    """A complete trial's skill, beside its value, which is its gain; None of another trial."""
    if state_of(trial) != "complete":
        return None
    metrics = trial.user_attrs.get("record", {}).get("metrics", {})
    skill = metrics.get("skill", trial.value)
    return None if skill is None else float(skill)


def gains_of(history: Mapping[str, Sequence[float]]) -> Sequence[float]:
    """What the search compared after each epoch; skill, in trials from before there were gains."""
    return history.get("gain") or history.get("skill", ())


class Store:
    """One study in a storage. Opening it creates what is missing."""

    def __init__(self, study: StudyFile, *, create: bool = True) -> None:
        self.url = storage_url(study)
        self.name = study.name
        self._target = targets.get(study.data.predict)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with storage_errors(self.url, OSError, RuntimeError, ValueError):
            storage = open_storage(self.url, create)
            self._engine = storage.engine
            # Optuna's cycles would keep its connections open until the garbage collector comes by.
            weakref.finalize(self, self._engine.dispose)
            if create:
                fast = DriverStorage(storage) if storage.engine.dialect.name in INSERT else storage
                self.study = optuna.create_study(
                    storage=fast, study_name=self.name, direction="maximize", load_if_exists=True
                )
            else:
                self.study = _load(storage, self.name)

    @property
    def engine(self) -> sqlalchemy.Engine:
        """The database that holds this and other studies."""
        return self._engine

    @property
    def on_server(self) -> bool:
        """Whether the storage can be away while this process is well."""
        return self._engine.dialect.name != "sqlite"

    def answers(self) -> bool:
        """Whether the storage can be reached now."""
        try:
            with self._engine.connect() as connection:
                connection.execute(sqlalchemy.text("SELECT 1"))
        except sqlalchemy.exc.SQLAlchemyError:
            return False
        return True

    # --- reading

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """All trials in order, or those in one of the states. Not to be changed by the caller."""
        return self.study.get_trials(deepcopy=False, states=states or None)

    def trial(self, number: int) -> FrozenTrial:
        """One trial as it is now. Not to be changed by the caller."""
        storage = self.study._storage
        trial_id = storage.get_trial_id_from_study_id_trial_number(self.study._study_id, number)
        return storage.get_trial(trial_id)

    def counts(self) -> dict[str, int]:
        """Number of trials by `state_of`."""
        counted = Counter(state_of(trial) for trial in self.trials())
        return {state: counted[state] for state in (*STATES.values(), INTERRUPTED)}

    def finished(self) -> int:
        """Trials that count towards the target: complete, pruned or failed."""
        counts = self.counts()
        return sum(counts[state] for state in FINISHED)

    @property
    def target_trials(self) -> int:
        return int(self.study.user_attrs.get("target_trials", 0))

    @property
    def id(self) -> str:
        """Tells this study from others of its name, in other stores; there once it is claimed."""
        return str(self.study.user_attrs.get("id", self.name))

    @property
    def scoring(self) -> int:
        """How its trials are valued (`targets.SCORING`); one from before there was a choice: 1."""
        attrs = self.study.user_attrs
        return int(attrs.get("scoring", 1 if "fingerprint" in attrs else SCORING))

    @property
    def formulation(self) -> int:
        """What its networks learn (`Target.formulation`); one from before there was a choice: 1."""
        attrs = self.study.user_attrs
        newest = self._target.formulation
        return int(attrs.get("formulation", 1 if "fingerprint" in attrs else newest))

    @property
    def formerly(self) -> str:
        """What is to be known of a study whose networks learn something else than a new one's."""
        if self.formulation == self._target.formulation:
            return ""
        return (
            f"study {self.name} keeps what it was begun with: {self._target.formerly} ({FORKING})"
        )

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """What was known of every input before the first trial: see `Candidates.record`."""
        return list(self.study.user_attrs.get("inputs", ()))

    # --- writing

    def note(self, key: str, value: Any) -> None:
        self.study.set_user_attr(key, value)

    def tracked(self, uri: str) -> set[int]:
        """Trials known to be in the MLflow at `uri`, whichever driver logged them."""
        return {
            number
            for key, mark in self.study.user_attrs.items()
            if key.startswith("tracked:") and mark["uri"] == shown_uri(uri)
            for first, last in mark["trials"]
            for number in range(first, last + 1)
        }

    def mark_tracked(self, driver: str, uri: str, numbers: set[int]) -> None:
        """Note all trials that `driver` has logged."""
        self.note(f"tracked:{driver}", {"uri": shown_uri(uri), "trials": _ranges(numbers)})

    def claim(self, fingerprint: dict[str, Any], data: dict[str, Any]) -> None:
        """Note what the study's trials have in common, or see that it is still the same.

        Raises StudyFileError or DataError naming every difference.
        """
        attrs = self.study.user_attrs
        remedy = (
            "trials of both could not be compared. Put it back, or give [study] another name (it "
            f"is {self.name!r} in {shown_uri(self.url)}), or begin a new study with what still "
            "applies: `rnnsearch search STUDY --fork NAME`"
        )
        if "fingerprint" in attrs and attrs["fingerprint"] != fingerprint:
            changes = "; ".join(_differences(attrs["fingerprint"], fingerprint))
            raise StudyFileError(f"the study file has changed: {changes}. {remedy}")
        if "data" in attrs and attrs["data"]["hash"] != data["hash"]:
            raise DataError(f"the data have changed: {_change(attrs['data'], data)}. {remedy}")
        if "id" not in attrs:  # a study from before there were ids keeps its name for one
            self.note("id", self.name if "fingerprint" in attrs else secrets.token_hex(8))
        if "fingerprint" not in attrs:
            self.note("scoring", SCORING)
            self.note("formulation", self._target.formulation)
            self.note("fingerprint", fingerprint)
        if "data" not in attrs:
            self.note("data", data)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Keep other drivers from asking and queueing for a moment. Not to be nested."""
        with server_lock(self._engine, self.name):
            if isinstance(self.study._storage, DriverStorage):
                self.study._storage.look_again()
            yield

    def flush(self) -> None:
        """Have the database know what this driver has said of its trials."""
        if isinstance(self.study._storage, DriverStorage):
            self.study._storage.flush()

    def queue_references(self, references: dict[str, dict[str, Any]], target: int) -> None:
        """Queue the reference trials that no driver has queued before, and the target has room for.

        references: name -> values for the suggested parameters.
        """
        with self.turn():
            room = max(self._room(target), 0)
            known = {trial.user_attrs.get("reference") for trial in self.trials()}
            for name in [name for name in references if name not in known][:room]:
                self.study.enqueue_trial(references[name], user_attrs={"reference": name})

    def interrupt(self, trial: FrozenTrial, *, died: bool) -> None:
        """End a trial that nobody runs any more, and queue its parameters again; in a `turn`.

        `died`: its driver did not let go of it. Killed in the middle, the next `requeue_lost`
        completes it.
        """
        deaths = trial.user_attrs.get("deaths", 0) + died
        reason = INTERRUPTED if deaths < MAX_ATTEMPTS else f"its driver died {deaths} times"
        attrs = {"deaths": deaths, "reason": reason}
        if reason == INTERRUPTED and self._room(self.target_trials) < 0:  # it counts itself
            attrs["surplus"] = True
        try:
            for key, value in attrs.items():
                self.study._storage.set_trial_user_attr(trial._trial_id, key, value)
            self.study.tell(trial.number, state=TrialState.FAIL)
        except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
            return  # another driver was faster
        if reason == INTERRUPTED and "surplus" not in attrs:
            self._queue_again(self.trial(trial.number))

    def requeue_lost(self) -> None:
        """Queue what `interrupt` could not, because it was killed on the way, and what was too much
        and is not any more; in a `turn`."""
        trials = self.trials()
        retried = {trial.user_attrs.get("retry_of") for trial in trials}
        lost = [t for t in trials if state_of(t) == INTERRUPTED and t.number not in retried]
        for trial in lost[: max(self._room(self.target_trials), 0)]:
            self._queue_again(trial)

    def _room(self, target: int) -> int:
        """How many trials `target` leaves besides those that are finished, running or queued."""
        return target - sum(state_of(trial) != INTERRUPTED for trial in self.trials())

    def _queue_again(self, trial: FrozenTrial) -> None:
        attrs = trial.user_attrs
        kept = {key: attrs[key] for key in ("reference", "deaths") if key in attrs}
        self.study.enqueue_trial(
            trial.system_attrs.get("fixed_params", {}) | trial.params,
            user_attrs=kept | {"retry_of": trial.number},
        )


# --- one driver at a time on SQLite -------------------------------------------------------------


@contextlib.contextmanager
def only_driver(store: Store) -> Iterator[bool]:
    """Hold a SQLite study for one driver; the lock ends with the process, however it ends.

    Yields whether this driver is alone; on a server it may not be.
    """
    database = sqlite_file(store.url)
    if database is None:
        yield False
        return
    lock = filelock.FileLock(f"{database}.{store.name}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise StorageError(
            f"{shown_uri(store.url)}: study {store.name!r} is being searched by another process, "
            "and SQLite serves one driver; wait for it, or share the study through PostgreSQL "
            '([run] storage = "postgresql://...")'
        ) from None
    except OSError as error:
        raise unwritable(database, error) from None
    try:
        yield True
    finally:
        lock.release()


def _load(storage: optuna.storages.RDBStorage, name: str) -> optuna.Study:
    try:
        return optuna.load_study(storage=storage, study_name=name)
    except KeyError:
        known = ", ".join(optuna.get_all_study_names(storage)) or "none"
        raise StorageError(
            f"storage: there is no study {name!r} (there are: {known}); "
            "run `rnnsearch search` first"
        ) from None


def _ranges(numbers: set[int]) -> list[list[int]]:
    """Sorted numbers as [first, last] pairs."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def _change(old: dict[str, Any], new: dict[str, Any]) -> str:
    was, now = ("{rows} rows, {first} to {last}".format(**data) for data in (old, new))
    if was != now:
        return f"they were {was} and are {now}"
    if old.get("prices") == new["prices"]:
        return f"the prices are the same ({now}), but other inputs are made of them"
    return f"there are the same {now}, but with other values"


def _differences(old: Any, new: Any, place: str = "") -> Iterator[str]:
    if place == "code":  # None where there was no code
        old, new = old or {}, new or {}
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                states = [cut(one.get(name, "none")) for one in (old, new)]
                yield f"the code of {cut(name)} is another ({states[0]} was, {states[1]} is)"
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    elif old != new:
        yield f"{place} was {shown(old)} and is {shown(new)}"
