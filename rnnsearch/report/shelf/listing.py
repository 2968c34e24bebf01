"""All studies of one storage, without their study files."""

from typing import Any

from rnnsearch.search.store.databases import storage_errors, stored_names, url_of
from rnnsearch.search.store.leases import working
from rnnsearch.search.store.records import title
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import FINISHED, best_first, trained
from rnnsearch.tracking import shown_uri
from rnnsearch.verdict.answers import stored_answer

EMPTY, SEARCHED, DONE, STOPPED = "empty", "being searched", "done", "stopped"


def listing(storage: str | None = None) -> dict[str, Any]:
    """Plain JSON: storage, and studies by name, a row each as `summary` has it with its state.

    `storage`: an Optuna storage URL; left out, RNNSEARCH_STORAGE or this folder's own.

    Raises AbsentStudyError where there is no storage yet, StorageError where it cannot be read.
    """
    url = url_of(storage)
    rows = []
    for name in stored_names(url):
        with storage_errors(url):
            store = Store.named(url, name)
            row = summary(store)
            busy = bool(working(store))
        done = row["finished"] >= row["target_trials"]
        state = SEARCHED if busy else EMPTY if not row["finished"] else DONE if done else STOPPED
        rows.append(row | {"state": state})
    return {"storage": shown_uri(url), "studies": rows}


def summary(store: Store) -> dict[str, Any]:
    """What a study has found: study, data (name, first, last), finished, target_trials, best (its
    number, gain, skill and network; None before there is one), and evaluated (day, skill on the
    locked rows, p_information, p, verdict, openings; None before `evaluate`)."""
    trials = store.trials()
    best = next(iter(best_first(trained(trials))), None)
    answer, data = stored_answer(store), store.data
    return {
        "study": store.name,
        "data": {key: data.get(key) for key in ("name", "first", "last")},
        "finished": sum(trial.state in FINISHED for trial in trials),
        "target_trials": store.target_trials,
        "best": best
        and {
            "number": best.number,
            "gain": best.gain,
            "skill": best.skill,
            "network": title(best.plain),
        },
        "evaluated": answer
        and {
            "day": answer.get("evaluated"),
            "skill": answer["table"][0].get("skill"),
            "p_information": answer["verdict"]["p_information"],
            "p": answer["verdict"]["p"],
            "verdict": answer["verdict"]["sentence"].partition(":")[0],
            "openings": answer["openings"],
        },
    }
