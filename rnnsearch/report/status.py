"""The state of a study, as `rnnsearch status` tells it."""

import time
from dataclasses import asdict
from typing import Any

from rnnsearch.config import StudyFile
from rnnsearch.language import in_english
from rnnsearch.report.comparisons import comparisons
from rnnsearch.report.contributions import input_statistics, parameter_importance, shift_gain
from rnnsearch.search.inputs.candidates import describe
from rnnsearch.search.store.leases import is_abandoned, working
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import INTERRUPTED, RUNNING, TrialView, best_first


@in_english()
def status(study: StudyFile, store: Store) -> dict[str, Any]:
    """Counts of trials by state, the best one, and who is working; plain JSON.

    `abandoned` are those of the running trials whose driver is gone: the next search runs them
    again. `interrupted` trials are those whose driver was stopped; each was queued again and is
    counted where that second trial stands. `tracked` counts the finished trials that MLflow has.
    `comparisons` tell by cell, date shift and any other parameter with few values how its trials
    fared (see `report.comparisons`). `notes` say what was known of the inputs beforehand; `inputs`,
    `shifts` and `importance` what the complete trials have in common (see `report.contributions`).
    """
    trials = store.trials()
    known = store.tracked(tracking_uri(study))
    drivers = working(store)
    best = next(iter(best_first(trial for trial in trials if trial.gain is not None)), None)
    return {
        "study": store.name,
        "target_trials": store.target_trials,
        "metric": store.objective["key"],
        "objective": store.objective,
        **store.counts(),
        "abandoned": sum(is_abandoned(t, drivers) for t in trials),
        "duplicates": sum(not t.is_original and t.state != INTERRUPTED for t in trials),
        "tracked": sum(t.number in known and t.is_over for t in trials),
        "best": None
        if best is None
        else {
            "number": best.number,
            "value": best.value,
            "skill": best.skill,
            "params": best.plain,
        },
        "notes": [*describe(store.inputs)],
        "inputs": [asdict(one) for one in input_statistics(trials, store.inputs)],
        "shifts": {
            family: [asdict(cell) for cell in cells] for family, cells in shift_gain(trials).items()
        },
        "comparisons": [one.plain() for one in comparisons(trials)],
        "importance": asdict(parameter_importance(store)),
        "workers": [_at_work(driver, lease, trials) for driver, lease in drivers.items()],
    }


def _at_work(driver: str, lease: dict[str, Any], trials: list[TrialView]) -> dict[str, Any]:
    """A driver that has not left; `silent` counts seconds, by the clocks of both machines."""
    own = (trial for trial in trials if trial.driver == driver)
    return {
        "driver": driver,
        "machine": lease["machine"].split()[0],
        "pid": lease["pid"],
        "engine": lease["engine"],
        "workers": lease["workers"],
        "running": sum(trial.state == RUNNING for trial in own),
        "silent": round(max(time.time() - lease["renewed"], 0.0)),
    }
