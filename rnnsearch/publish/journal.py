"""A journal of forecasts in MLflow: on the study's parent run, a value for each session.

The metrics are `live/skill`, `live/directional_accuracy`, `live/held` and `live/p`, as they were
after so many forecasts of the newest champion had come true; the step is that number, and the time
that of the target's date.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rnnsearch.config import StudyFile, home
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.records import parent_record, tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.tracking import Experiment, first_line, shown_uri

PREFIX = "live/"
METRICS = ("skill", "directional_accuracy", "held", "p")


def publish_journal(
    study: StudyFile, told: dict[str, Any], *, notice: Callable[[str], None]
) -> bool:
    """Show a journal, as `reading.journal` has it; tell whether it worked.

    Only what MLflow does not have is written, so once more changes nothing. Nothing came true yet:
    nothing is written.
    """
    if not told["champions"] or not told["champions"][0]["counted"]:
        return True
    uri = tracking_uri(study)
    try:
        parent = parent_record(Problem.load(study), Store(study, create=False).id)
        experiment = Experiment(uri, parent, home() / "artifacts")
        _write(experiment, told)
    except Exception as error:  # whatever MLflow raises; the journal itself is safe
        notice(
            f"{shown_uri(uri)}: MLflow did not take the journal ({first_line(error)}); "
            "`rnnsearch journal` or `rnnsearch sync` writes it when it is called again"
        )
        return False
    return True


def _write(experiment: Experiment, told: dict[str, Any]) -> None:
    newest = told["champions"][0]
    values = {
        step: {
            f"{PREFIX}{name}": value
            for name in METRICS
            if (value := newest["course"][name][step - 1]) is not None
        }
        for step in range(1, newest["counted"] + 1)
    }
    names = [f"{PREFIX}{name}" for name in METRICS]
    there = {name: experiment.parent_history(name) for name in names}
    experiment.write_course(
        {
            step: fresh
            for step, found in values.items()
            if (fresh := {n: v for n, v in found.items() if there[n].get(step) != v})
        },
        {
            step: datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()
            for step, date in enumerate(newest["course"]["date"], start=1)
        },
    )
    experiment.note_parent({}, {"journal": " ".join(told["sentences"])})
