"""How far the searches of all series are."""

from typing import Any

from rnnsearch.errors import AbsentStudyError
from rnnsearch.language import marked
from rnnsearch.many.family import Family, Member
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.leases import is_abandoned, working
from rnnsearch.search.store.records import title, tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import FINISHED, best_first

NOT_BEGUN = marked("not begun")
SEARCHED, DONE, STOPPED = "being searched", "done", "stopped"


def status(family: Family) -> dict[str, Any]:
    """Plain JSON: study, series (a row each, in order), done (how many have all their trials),
    finished and target_trials over all that have begun.

    Raises AbsentStudyError where no search has begun.
    """
    rows = [_row(member) for member in family.members]
    if all(row["state"] == NOT_BEGUN for row in rows):
        raise AbsentStudyError(
            f"{family.name}: no search of its {len(rows)} series has begun; run `rnnsearch "
            "search` first"
        )
    return {
        "study": family.name,
        "done": sum(row["state"] == DONE for row in rows),
        "finished": sum(row["finished"] for row in rows),
        "target_trials": sum(row["target_trials"] for row in rows),
        "series": rows,
    }


def _row(member: Member) -> dict[str, Any]:
    """What is known of one series; `abandoned`, `tracked` as in `report.status`."""
    row: dict[str, Any] = {
        "series": member.series,
        "study": member.study.name,
        "state": NOT_BEGUN,
        "finished": 0,
        "target_trials": 0,
        "complete": 0,
        "abandoned": 0,
        "tracked": 0,
        "objective": None,
        "workers": 0,
        "best": None,
        "evaluated": None,
    }
    try:
        store = Store(member.study, create=False)
    except AbsentStudyError:
        return row
    with storage_errors(store.url):
        if not store.is_claimed:  # whoever opened it could not search
            return row
        trials, drivers, target = store.trials(), working(store), store.target_trials
        known = store.tracked(tracking_uri(member.study))
        evaluation = store.notes().get("evaluation")
    finished = sum(trial.state in FINISHED for trial in trials)
    best = next(iter(best_first(trial for trial in trials if trial.gain is not None)), None)
    state = SEARCHED if drivers else DONE if finished >= target else STOPPED
    return row | {
        "state": state,
        "finished": finished,
        "target_trials": target,
        "complete": sum(trial.is_complete for trial in trials),
        "abandoned": sum(is_abandoned(trial, drivers) for trial in trials),
        "objective": store.objective,
        "tracked": sum(trial.number in known and trial.is_over for trial in trials),
        "workers": sum(int(lease["workers"]) for lease in drivers.values()),
        "best": best
        and {
            "number": best.number,
            "value": best.value,
            "skill": best.skill,
            "metrics": {**best.metrics, "gain": best.gain},
            "network": title(best.plain),
        },
        "evaluated": evaluation and evaluation["evaluated"],
    }
