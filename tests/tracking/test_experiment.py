"""One experiment as several drivers write it, whatever cuts them off."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnsearch.tracking import (
    CHAMPION,
    STATE,
    VERDICT,
    Experiment,
    Parent,
    RunRecord,
    Tracker,
    sync,
    view,
)
from rnnsearch.tracking.experiment import renewed
from tests.helpers.searches import (
    wait_until,
)

WHOSE = {"mlflow.user": "somebody", "mlflow.source.name": "rnnsearch search one"}
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


def test_drivers_that_begin_in_the_same_moment_write_one_parent(home: Path) -> None:
    uri = f"sqlite:///{home / 'mlflow.db'}"
    many = {f"key{n}": str(n) for n in range(99)}
    for number in range(8):
        parent = replace(PARENT, id=f"study {number}", params=many)
        with ThreadPoolExecutor(4) as drivers:
            begun = [drivers.submit(Experiment, uri, parent, home) for _ in range(4)]
        last = [one.result() for one in begun][-1]
        assert last.client.get_run(last.parent_run).data.params == many


def test_a_driver_whose_parent_another_one_has_deleted_meanwhile_takes_the_one_that_stays(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{home / 'mlflow.db'}"
    older: list[str] = []
    first_parent = Experiment._first_parent

    def and_an_older_one_is_begun(experiment: Experiment, parent: Parent) -> Any:
        found = first_parent(experiment, parent)
        if not older:
            made = experiment.client.create_run(experiment.id, start_time=1, tags=found.data.tags)
            older.append(made.info.run_id)
            assert Experiment(uri, PARENT, home).parent_run == older[0]
        return found

    monkeypatch.setattr(Experiment, "_first_parent", and_an_older_one_is_begun)
    experiment = Experiment(uri, PARENT, home)
    assert [experiment.parent_run] == older
    assert experiment.client.get_run(older[0]).data.params == PARENT.params


def test_a_parent_that_came_too_late_takes_no_runs_away(home: Path) -> None:
    uri = f"sqlite:///{home / 'mlflow.db'}"
    experiment = Experiment(uri, PARENT, home)
    experiment.write(ENDED)
    parent = experiment.client.get_run(experiment.parent_run)
    # Begun earlier, by a driver that was stopped before it was there.
    late = experiment.client.create_run(experiment.id, start_time=1, tags=parent.data.tags)
    assert Experiment(uri, PARENT, home).parent_run == experiment.parent_run
    assert experiment.client.get_run(late.info.run_id).info.lifecycle_stage == "deleted"


def test_a_parent_says_whose_it_is_of_which_data_and_so_do_its_trials(home: Path) -> None:
    uri = f"sqlite:///{home / 'mlflow.db'}"
    ended = replace(ENDED, metrics={"skill": 0.2})
    Experiment(uri, PARENT, home).write(ended)  # as an earlier version did
    dataset = {"name": "prices.csv", "digest": "0a", "source_type": "local", "source": "{}"}
    now = replace(PARENT, tags=PARENT.tags | WHOSE, dataset=dataset)
    for _ in range(2):
        experiment = Experiment(uri, now, home)
        parent = experiment.client.get_run(experiment.parent_run)
        assert parent.data.tags["mlflow.user"] == "somebody"
        (known,) = parent.inputs.dataset_inputs
        assert known.dataset.name == "prices.csv"
    done, _ = sync(uri, now, home, lambda: [ended])
    assert done == {"written": 1, "deleted": 0, "kept": 0}, "a run of before is repaired"
    (run,) = Experiment(uri, now, home).runs(3)
    assert run.data.tags.items() >= WHOSE.items()
    (known,) = run.inputs.dataset_inputs
    assert known.dataset.digest == "0a"
    assert sync(uri, now, home, lambda: [ended])[0]["kept"] == 1
    other = replace(now, tags=now.tags | {"mlflow.user": "a colleague"})
    experiment = Experiment(uri, other, home)
    parent = experiment.client.get_run(experiment.parent_run)
    assert parent.data.tags["mlflow.user"] == "somebody", "who began it"


def test_a_description_keeps_its_verdict_and_what_somebody_wrote() -> None:
    about = replace(PARENT, description="**one**: about it")
    told = replace(about, description=f"{VERDICT}Better.\n\n**one**: about it")
    assert renewed("", about) == "**one**: about it"
    assert renewed("**one**: of before", told) == told.description
    newer = replace(about, description="**one**: of now")
    assert renewed(told.description, newer) == f"{VERDICT}Better.\n\n**one**: of now"
    assert renewed("my own words", told) == "my own words"


def test_one_trial_is_the_champion(home: Path) -> None:
    uri = f"sqlite:///{home / 'mlflow.db'}"
    experiment = Experiment(uri, PARENT, home)
    experiment.write(ENDED)
    experiment.write(replace(ENDED, number=4))

    def champions() -> list[int]:
        return [n for n, (run,) in experiment.all_runs().items() if CHAMPION in run.data.tags]

    for number in (3, 4, 4):
        experiment.name_champion(number)
        assert champions() == [number]


def test_an_experiment_s_view_sorts_by_skill_and_is_left_to_whoever_chose_a_kind(
    home: Path,
) -> None:
    uri = f"sqlite:///{home / 'mlflow.db'}"
    first = Experiment(uri, PARENT, home)
    for key in (view.TAG, view.KIND):
        first.client.set_experiment_tag(first.id, key, "another")
    tags = first.client.get_experiment(Experiment(uri, PARENT, home).id).tags
    assert json.loads(tags[view.TAG])["orderByKey"] == "metrics.`skill`"
    assert tags[view.KIND] == "another"
