"""One experiment as several drivers write it, whatever cuts them off."""

from pathlib import Path

import pytest

from rnnsearch.tracking import (
    STATE,
    Experiment,
    Parent,
    RunRecord,
    Tracker,
)
from tests.helpers.searches import (
    wait_until,
)

PARENT = Parent("one", "1a2b", "about it", {"study.name": "one"}, {"data_hash": "0"})
RUNNING = RunRecord(3, "0003 gru", "running", 1e9, None, {"cell": "gru"}, {"skill": [0.1]})
ENDED = RunRecord(
    3, "0003 gru", "complete", 1e9, 1e9 + 5, {"cell": "gru"}, {"skill": [0.1, 0.2]}, {"rmse": 1.0},
    {STATE: "complete"},
)  # fmt: skip


def test_a_trial_written_again_by_another_driver_stays_one_run(home: Path) -> None:
    uri = f"sqlite:///{home / 'mlflow.db'}"
    for record in (RUNNING, RUNNING, ENDED, ENDED):
        Experiment(uri, PARENT, home).write(record)
    experiment = Experiment(uri, PARENT, home)
    (run,) = experiment.runs(3)
    history = experiment.client.get_metric_history(run.info.run_id, "skill")
    assert [(point.step, point.value) for point in history] == [(1, 0.1), (2, 0.2)]
    assert run.info.status == "FINISHED"
    assert run.info.end_time == 1_000_000_005_000


def test_a_parent_without_its_parameters_is_given_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{home / 'mlflow.db'}"
    with monkeypatch.context() as cut_off:
        cut_off.setattr(Experiment, "_write", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Experiment(uri, PARENT, home)
    experiment = Experiment(uri, PARENT, home)
    assert experiment.client.get_run(experiment.parent_run).data.params == PARENT.params


def test_a_run_deleted_while_its_trial_ran_is_written_anew(home: Path) -> None:
    uri = f"sqlite:///{home / 'mlflow.db'}"
    notices: list[str] = []
    tracker = Tracker(uri, PARENT, home, written=lambda numbers: None, notice=notices.append)
    experiment = Experiment(uri, PARENT, home)
    experiment.write(RUNNING)
    experiment.client.delete_run(experiment.runs(3)[0].info.run_id)
    tracker.put(ENDED)
    assert tracker.finish() == 0
    assert [run.info.status for run in experiment.runs(3)] == ["FINISHED"]


def test_two_drivers_that_begin_at_once_make_one_parent(home: Path) -> None:
    uri = f"sqlite:///{home / 'mlflow.db'}"
    trackers = [
        Tracker(uri, PARENT, home, written=lambda numbers: None, notice=print) for _ in range(2)
    ]
    assert [tracker.finish() for tracker in trackers] == [0, 0]
    assert len(Experiment(uri, PARENT, home)._parents()) == 1


def test_a_driver_at_work_corrects_one_that_left_too_late(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnnsearch.tracking.tracker.RUNNING_SECONDS", 0.0)
    monkeypatch.setattr("rnnsearch.tracking.tracker.WRITE_SECONDS", 0.1)
    uri = f"sqlite:///{home / 'mlflow.db'}"
    tracker = Tracker(uri, PARENT, home, written=lambda numbers: None, notice=print)
    other = Experiment(uri, PARENT, home)

    def status() -> str:
        return str(other.client.get_run(other.parent_run).info.status)

    other.set_parent_status("FINISHED")
    wait_until(lambda: status() == "RUNNING")
    assert tracker.finish(last=False) == 0
    assert status() == "RUNNING", "another one is at work"


def test_a_parent_that_came_too_late_takes_no_runs_away(home: Path) -> None:
    uri = f"sqlite:///{home / 'mlflow.db'}"
    experiment = Experiment(uri, PARENT, home)
    experiment.write(ENDED)
    parent = experiment.client.get_run(experiment.parent_run)
    # Begun earlier, by a driver that was stopped before it was there.
    late = experiment.client.create_run(experiment.id, start_time=1, tags=parent.data.tags)
    assert Experiment(uri, PARENT, home).parent_run == experiment.parent_run
    assert experiment.client.get_run(late.info.run_id).info.lifecycle_stage == "deleted"
