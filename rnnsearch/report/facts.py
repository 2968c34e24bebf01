"""What is known of a study, read once for its report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnsearch.config import StudyFile
from rnnsearch.errors import NoTrialError, RnnsearchError
from rnnsearch.language import _, counted
from rnnsearch.report.contributions import (
    Importance,
    InputStatistics,
    input_statistics,
    parameter_importance,
)
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView, best_first, trained
from rnnsearch.verdict.answers import EXPLANATION, stored_answer
from rnnsearch.verdict.journal.reading import noted


@dataclass(frozen=True)
class Facts:
    """All that the page tells, read once.

    `id` tells the study from others of its name. `problem` is None where the price file cannot be
    read any more or has changed; `notes` says so. `evaluation` is None before `evaluate`, and
    `journal` where no forecast was recorded.
    """

    study: StudyFile
    id: str
    attributes: Mapping[str, Any]
    trials: list[TrialView]
    counts: Mapping[str, int]
    importance: Importance
    inputs: list[InputStatistics]
    problem: Problem | None
    evaluation: dict[str, Any] | None
    notes: list[str]
    scoring: int
    objective: Mapping[str, str]
    journal: dict[str, Any] | None = None

    @property
    def explanation(self) -> Mapping[str, Any] | None:
        """What `explain` said of the champion; None where it was not asked, or of another one."""
        told: Mapping[str, Any] | None = self.attributes.get(EXPLANATION)
        return told if told and told["trial"] == self.champion.number else None

    @property
    def best(self) -> TrialView:
        return best_first(trained(self.trials))[0]

    @property
    def champion(self) -> TrialView:
        """The trial that `evaluate` chose; before that, the best one on validation rows."""
        if self.evaluation is None:
            return self.best
        number = self.evaluation["champion"]["trial"]
        return next((trial for trial in self.trials if trial.number == number), self.best)


def collect(study: StudyFile, problem: Problem | None = None) -> Facts:
    """Read the study's store and, where it is still the same, its price file.

    `problem`: the study's, where it is loaded already.

    Raises NoTrialError, StorageError.
    """
    store = Store(study, create=False)
    with storage_errors(store.url):
        trials = store.trials()
        attributes = store.notes()
        if not trained(trials):
            raise NoTrialError(
                f"{study.name}: no trial was completed, so there is nothing to report; run "
                "`rnnsearch search` first"
            )
        importance = parameter_importance(store)
        counts, finished = store.counts(), store.finished()
        evaluation = stored_answer(store)
        journal = noted(study, store)
    notes: list[str] = []
    if attributes.get("fingerprint") != study.fingerprint():
        notes.append(
            _("The study file has changed since the search; the page shows the search as it was.")
            + " "
            + _remedy(study)
        )
        study, problem = _as_searched(study, attributes), None
    problem = _problem(study, problem, attributes, notes)
    if evaluation and evaluation["trials"] != finished:
        notes.append(
            counted(
                "The search went on after the test was opened: {count:,} trial then, {now:,} now. "
                "The verdict is about the champion of then.",
                "The search went on after the test was opened: {count:,} trials then, {now:,} "
                "now. The verdict is about the champion of then.",
                evaluation["trials"],
                now=finished,
            )
        )
    return Facts(
        study=study,
        id=store.id,
        attributes=attributes,
        trials=trials,
        counts=counts,
        importance=importance,
        inputs=input_statistics(trials, attributes.get("inputs", ())),
        problem=problem,
        evaluation=evaluation,
        notes=notes,
        scoring=store.scoring,
        objective=store.objective,
        journal=journal,
    )


def _as_searched(study: StudyFile, attributes: Mapping[str, Any]) -> StudyFile:
    """The study file as it was when the search began; `run` and `evaluate` are those of now."""
    return study.as_it_was(attributes["study_file"])


def _problem(
    study: StudyFile, loaded: Problem | None, attributes: Mapping[str, Any], notes: list[str]
) -> Problem | None:
    try:
        problem = loaded or Problem.load(study)
    except RnnsearchError as error:
        notes.append(
            _(
                "The data cannot be read now, so some facts about them are missing: {error}",
                error=error,
            )
        )
        return None
    if attributes.get("data", {}).get("hash") != problem.table.hash:
        notes.append(
            " ".join(
                (
                    _(
                        "The data have changed since the search; the page shows the search as it "
                        "was."
                    ),
                    *_rows(attributes.get("data"), problem),
                    _remedy(study),
                )
            )
        )
        return None
    return problem


def _rows(then: Mapping[str, Any] | None, problem: Problem) -> list[str]:
    """How many rows there were, and are; nothing where a study of before does not say."""
    now = problem.data_record()
    if not then or not {"rows", "first", "last"} <= then.keys():
        return []
    known = {key: then[key] for key in ("rows", "first", "last")}
    known |= {f"{key}_now": now[key] for key in known}
    return [
        _(
            "Then there were {rows} rows from {first} to {last}, now {rows_now} rows from "
            "{first_now} to {last_now}.",
            **known,
        )
    ]


def _remedy(study: StudyFile) -> str:
    """What to do where trials of then and of now could not be compared; as `search` says it."""
    return _(
        "To see all of it, put back what was; for what is there now, begin a new study with what "
        "still applies: `rnnsearch search {study} --fork NAME`.",
        study=study.name,
    )
