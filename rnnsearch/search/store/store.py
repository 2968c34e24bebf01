"""The study in Optuna's storage: the one truth about every trial.

What is noted of the study                         What of a trial: see `view`
  id             tells studies of one name apart
  fingerprint    what makes trials comparable      study_file     as it was when a search began
  data           hashes, rows, dates               inputs         what was known before the trials
  target_trials  finished trials wanted            scoring        how trials are valued
  driver:ID      lease of a driver                 formulation    what their networks learn
  tracked:ID     trials that driver ID logged      openings       how often its test was opened
  walk           a look that was begun             evaluation     the last answer
  seal:NOTE      what a note came to

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
from collections.abc import Iterator, Mapping
from typing import Any, Self

import optuna
import sqlalchemy
from optuna.trial import FixedTrial

from rnnsearch import targets
from rnnsearch.config import StudyFile
from rnnsearch.errors import AbsentStudyError, DataError, StudyFileError, cut, shown
from rnnsearch.scoring.objectives import OBJECTIVES
from rnnsearch.search.store.asked import AskedTrial, TakenOver
from rnnsearch.search.store.cached import INSERT, DriverStorage
from rnnsearch.search.store.databases import (
    open_storage,
    server_lock,
    storage_errors,
    storage_url,
)
from rnnsearch.search.store.seals import OF_STUDY, note_of_seal, seal_of_note
from rnnsearch.search.store.view import (
    DEATHS,
    FAILED,
    FINISHED,
    FORKED_FROM,
    INTERRUPTED,
    OPTUNAS,
    REASON,
    REFERENCE,
    RETRY_OF,
    STATES,
    SURPLUS,
    TrialView,
)
from rnnsearch.targets import SCORING
from rnnsearch.tracking import shown_uri

FORKING = "`rnnsearch search STUDY --fork NAME` begins a new study with what still applies"
MAX_ATTEMPTS = 5  # a trial whose driver died this often is told as failed


class Store:
    """One study in a storage. Opening it creates what is missing."""

    def __init__(self, study: StudyFile, *, create: bool = True) -> None:
        self._predict = study.data.predict
        self._open(storage_url(study), study.name, create)

    @classmethod
    def named(cls, url: str, name: str) -> Self:
        """A study that is there, to be read without its study file."""
        store = cls.__new__(cls)
        store._open(url, name, create=False)
        searched = store.notes().get("study_file", {})
        store._predict = searched.get("data", {}).get("predict", "log_return")
        return store

    def _open(self, url: str, name: str, create: bool) -> None:
        self.url, self.name = url, name
        self._views: list[TrialView] = []
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with storage_errors(self.url, OSError, RuntimeError, ValueError):
            storage = open_storage(self.url, create)
            self._engine = storage.engine
            # Optuna's cycles would keep its connections open until the garbage collector comes by.
            weakref.finalize(self, self._engine.dispose)
            if create:
                fast = DriverStorage(storage) if storage.engine.dialect.name in INSERT else storage
                self._study = optuna.create_study(
                    storage=fast, study_name=self.name, direction="maximize", load_if_exists=True
                )
            else:
                self._study = _load(storage, self.name)

    @property
    def _target(self) -> targets.Target:
        return targets.get(self._predict)

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

    @property
    def optuna_study(self) -> optuna.Study:
        """The study as Optuna has it, to be looked at: who writes to it writes past the driver."""
        return self._study

    def trials(self, *states: str) -> list[TrialView]:
        """All trials in order, or those in one of the states."""
        trials = self._study.get_trials(deepcopy=False)
        # Most are as they were, and a study may have ten thousand.
        known = zip(self._views, trials, strict=False)
        views = [view if view.shows(trial) else TrialView(trial) for view, trial in known]
        self._views = views + [TrialView(trial) for trial in trials[len(views) :]]
        return [view for view in self._views if not states or view.state in states]

    def trial(self, number: int) -> TrialView:
        """One trial as it is now."""
        storage = self._study._storage
        trial_id = storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)
        return TrialView(storage.get_trial(trial_id))

    def counts(self) -> dict[str, int]:
        """Number of trials by state."""
        counted = Counter(trial.state for trial in self.trials())
        return {state: counted[state] for state in (*STATES.values(), INTERRUPTED)}

    def finished(self) -> int:
        """Trials that count towards the target: complete, pruned or failed."""
        counts = self.counts()
        return sum(counts[state] for state in FINISHED)

    def notes(self) -> dict[str, Any]:
        """All that was noted of the study, by the names above."""
        # `user_attrs` would copy what has just been read: an evaluation holds every forecast.
        return self._study._storage.get_study_user_attrs(self._study._study_id)

    @property
    def target_trials(self) -> int:
        return int(self.notes().get("target_trials", 0))

    @property
    def id(self) -> str:
        """Tells this study from others of its name, in other stores; there once it is claimed."""
        return str(self.notes().get("id", self.name))

    @property
    def is_claimed(self) -> bool:
        """Whether a search has begun in it."""
        return "fingerprint" in self.notes()

    @property
    def scoring(self) -> int:
        """How its trials are valued (`targets.SCORING`); one from before there was a choice: 1."""
        notes = self.notes()
        return int(notes.get("scoring", 1 if "fingerprint" in notes else SCORING))

    @property
    def objective(self) -> dict[str, str]:
        """What its trials are valued by: key, label and meaning."""
        return dict(self.notes().get("objective", OBJECTIVES["skill"].plain))

    @property
    def data(self) -> dict[str, Any]:
        """What was known of the data when the search began: see `Problem.data_record`."""
        return dict(self.notes().get("data", {}))

    @property
    def formulation(self) -> int:
        """What its networks learn (`Target.formulation`); one from before there was a choice: 1."""
        notes, newest = self.notes(), self._target.formulation
        return int(notes.get("formulation", 1 if "fingerprint" in notes else newest))

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
        return list(self.notes().get("inputs", ()))

    @property
    def openings(self) -> int:
        """How often this study opened its test; other studies of the same rows: see `openings`."""
        return int(self.notes().get("openings", 0))

    def importance(self, values: Mapping[int, float]) -> dict[str, float]:
        """Share of the differences in the values of complete trials, by number, that each sampled
        parameter explains on its own; a seeded fANOVA.

        Hutter, Hoos & Leyton-Brown 2014, An efficient approach for assessing hyperparameter
        importance.
        """
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        return get_param_importances(
            self._study,
            evaluator=FanovaImportanceEvaluator(n_trees=16, max_depth=8, seed=0),
            target=lambda trial: values[trial.number],
        )

    # --- writing

    def note(self, key: str, value: Any) -> None:
        """Note something of the study; see `notes`."""
        self._study.set_user_attr(key, value)
        if key in OF_STUDY:
            self._study.set_user_attr(note_of_seal(key), seal_of_note(value))

    def prune_with(self, pruner: optuna.pruners.BasePruner) -> None:
        """Who decides that a trial of this driver is hopeless."""
        self._study.pruner = pruner

    def ask(self, sampler: optuna.samplers.BaseSampler, driver: str) -> AskedTrial:
        """One more trial, of the queue or of the sampler; in a `turn`."""
        self._study.sampler = sampler
        return AskedTrial(self._study, self._study.ask(), driver)

    def queue(self, values: dict[str, Any], *, forked_from: int | None = None) -> None:
        """Have the next trial take these values, as far as they are of the space; those of a trial
        of an old study with its number there."""
        self._queue(values, {} if forked_from is None else {FORKED_FROM: forked_from})

    def _queue(self, values: dict[str, Any], facts: dict[str, Any]) -> None:
        self._study.enqueue_trial(values, user_attrs=facts)

    def copy(self, trial: TrialView, drawn: FixedTrial) -> None:
        """Take over a finished trial of another study, as it would be `drawn` here."""
        self._study.add_trial(trial.copied(drawn.params, drawn.distributions))

    def tracked(self, uri: str) -> set[int]:
        """Trials known to be in the MLflow at `uri`, whichever driver logged them."""
        return {
            number
            for key, mark in self.notes().items()
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
        attrs = self.notes()
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
            if isinstance(self._study._storage, DriverStorage):
                self._study._storage.look_again()
            yield

    def flush(self) -> None:
        """Have the database know what this driver has said of its trials."""
        if isinstance(self._study._storage, DriverStorage):
            self._study._storage.flush()

    def queue_references(self, references: dict[str, dict[str, Any]], target: int) -> None:
        """Queue the reference trials that no driver has queued before, and the target has room for.

        references: name -> values for the suggested parameters.
        """
        with self.turn():
            room = max(self._room(target), 0)
            known = {trial.reference for trial in self.trials()}
            for name in [name for name in references if name not in known][:room]:
                self._queue(references[name], {REFERENCE: name})

    def interrupt(self, trial: TrialView, *, died: bool) -> None:
        """End a trial that nobody runs any more, and queue its parameters again; in a `turn`.

        `died`: its driver did not let go of it. Killed in the middle, the next `requeue_lost`
        completes it.
        """
        deaths = trial.deaths + died
        reason = INTERRUPTED if deaths < MAX_ATTEMPTS else f"its driver died {deaths} times"
        facts = {DEATHS: deaths, REASON: reason}
        if reason == INTERRUPTED and self._room(self.target_trials) < 0:  # it counts itself
            facts[SURPLUS] = True
        try:
            for key, value in facts.items():
                self._study._storage.set_trial_user_attr(trial.id, key, value)
            self._study.tell(trial.number, state=OPTUNAS[FAILED])
        except (ValueError, TakenOver):
            return  # another driver was faster
        if reason == INTERRUPTED and SURPLUS not in facts:
            self._queue_again(self.trial(trial.number))

    def requeue_lost(self) -> None:
        """Queue what `interrupt` could not, because it was killed on the way, and what was too much
        and is not any more; in a `turn`."""
        trials = self.trials()
        retried = {trial.retry_of for trial in trials}
        lost = [t for t in trials if t.state == INTERRUPTED and t.number not in retried]
        for trial in lost[: max(self._room(self.target_trials), 0)]:
            self._queue_again(trial)

    def _room(self, target: int) -> int:
        """How many trials `target` leaves besides those that are finished, running or queued."""
        return target - sum(trial.state != INTERRUPTED for trial in self.trials())

    def _queue_again(self, trial: TrialView) -> None:
        self._queue(trial.wanted, trial.kept((REFERENCE, DEATHS)) | {RETRY_OF: trial.number})


def _load(storage: optuna.storages.RDBStorage, name: str) -> optuna.Study:
    try:
        return optuna.load_study(storage=storage, study_name=name)
    except KeyError:
        known = ", ".join(optuna.get_all_study_names(storage)) or "none"
        raise AbsentStudyError(
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
