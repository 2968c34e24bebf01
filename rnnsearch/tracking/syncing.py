"""MLflow made to say what the store says."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnsearch.errors import StorageError
from rnnsearch.tracking.experiment import PARENT, STATE, STATUS, Experiment, Parent, RunRecord
from rnnsearch.tracking.server import first_line, shown_uri, way_back


def sync(
    uri: str, parent: Parent, artifacts: Path, read: Callable[[], Sequence[RunRecord]]
) -> tuple[dict[str, int], set[int]]:
    """Make MLflow say what the store says: one run per trial, each with its final state.

    Missing and unfinished runs are written, second runs of a trial deleted; those of trials that
    still run are their driver's. `read` gives the store's trials; it is called once MLflow's runs
    are known, so that the store has the trial of every run. Returns how many runs were written,
    deleted and kept, and the numbers of the trials that have ended. Raises StorageError.
    """
    try:
        experiment = Experiment(uri, parent, artifacts)
        known = experiment.all_runs()
        records = read()
        done = {"written": 0, "deleted": 0, "kept": 0}
        for record in records:
            runs = known.pop(record.number, [])
            if not record.over:
                continue
            whole = [run for run in runs if _says(run, record, experiment)]
            experiment.use(record.number, whole + [run for run in runs if run not in whole])
            done["deleted"] += max(len(runs) - 1, 0)
            done["kept" if whole else "written"] += 1
            if not whole:
                _write(experiment, record)
        for runs in known.values():  # of trials that the store does not have
            for run in runs:
                experiment.client.delete_run(run.info.run_id)
                done["deleted"] += 1
        if complete := [r.metrics for r in records if r.state == "complete"]:
            finished = sum(r.state in ("complete", "pruned", "failed") for r in records)
            experiment.write_course({finished: best_measures(complete)})
        if all(record.over for record in records):
            experiment.set_parent_status("FINISHED")
    except Exception as error:
        raise StorageError(
            f"{shown_uri(uri)}: MLflow cannot be brought up to date: {first_line(error)}; "
            + (
                way_back(uri, error)
                or "check [run] tracking or RNNSEARCH_TRACKING and that the server is up, then run "
                "`rnnsearch sync` again"
            )
        ) from None
    return done, {record.number for record in records if record.over}


def best_measures(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Gain and skill of the best of these trials, by their metrics, for the parent run."""
    best = max(metrics, key=lambda one: one.get("gain", one["skill"]))
    return {"best_gain": best.get("gain", best["skill"]), "best_skill": best["skill"]}


def _write(experiment: Experiment, record: RunRecord) -> None:
    """Write a trial, at a second attempt where its driver was writing it in the same moment."""
    from mlflow.exceptions import MlflowException

    try:
        experiment.write(record)
    except MlflowException:
        experiment.write(record)


def _says(run: Any, record: RunRecord, experiment: Experiment) -> bool:
    """Whether a run shows a trial as it ended, and whose it is."""
    tags = run.data.tags
    said = (tags.get(STATE), tags.get(PARENT), run.info.status)
    known = all(name in tags for name in experiment.whose)
    return known and said == (record.state, experiment.parent_run, STATUS[record.state])
