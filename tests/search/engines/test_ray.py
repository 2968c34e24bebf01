"""Searches on a Ray cluster of three nodes on this machine, with a real PostgreSQL and MLflow."""

import pickle
import signal
import sys
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from rnnsearch import cli
from rnnsearch.config import load_study
from rnnsearch.prepare.placement import placement
from rnnsearch.search import searching as study_module
from rnnsearch.search.engines import watching
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.protocol import Done, Failed, Lost, Progress, Stopped
from rnnsearch.verdict.evaluation import evaluate
from rnnsearch.verdict.prediction import predict
from tests.data.inputs.test_functions import write_own
from tests.helpers.evaluated import BARS, quiet
from tests.helpers.rays import MARKS, NODE, Small
from tests.helpers.searches import (
    LONG,
    Notes,
    assert_in_order,
    begin,
    end_group,
    facts_of,
    finish,
    start,
    task,
    trials_of,
    until,
    wait_until,
    write_study,
)
from tests.model.test_cells import OWN, write_cells

pytestmark = MARKS


def process_of(small: Small) -> psutil.Process:
    """The pool's one actor, which is the head's."""
    head = psutil.Process(small.cluster.head_node.all_processes["raylet"][0].process.pid)
    [actor] = [child for child in head.children() if "TrialActor" in "".join(child.cmdline())]
    return actor


def results(store: Store) -> dict[int, Any]:
    """What must be equal to the bit in two searches."""
    return {
        trial.number: (
            trial.value,
            trial.drawn,
            trial.curves,
            trial.metrics,
            trial.forecasts.tolist(),
        )
        for trial in store.trials("complete")
    }


# --- actors


def test_an_actor_trains_stops_and_says_why_there_is_no_result(small: Small) -> None:
    said = begin(small.pool, task(7, epochs=3), Done)
    assert [event.report.epoch for event in said if isinstance(event, Progress)] == [1, 2, 3]
    begin(small.pool, task(3, LONG))
    small.pool.stop(3)
    assert until(small.pool, Stopped)[-1] == Stopped(3)
    hopeless = task(1, 50, optimizer="sgd", learning_rate=10.0, clip=0.0, batch_size=4)
    failed = begin(small.pool, hopeless, Failed)[-1]
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("diverged: ")
    assert small.pool.has_idle()


def test_an_actor_that_dies_hangs_or_breaks_is_lost_with_its_trial_and_replaced(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(small.pool, task(5, LONG))
    process_of(small).kill()
    [lost] = [event for event in until(small.pool, Lost) if isinstance(event, Lost)]
    assert lost.number == 5
    assert lost.reason.startswith("worker on ")
    assert "\n" not in lost.reason

    begin(small.pool, task(6, LONG))
    wait_until(lambda: list(small.pool.events(0.1)) and len(small.pool._actors[0].pauses) >= 2)
    hung = process_of(small)
    hung.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(watching, "QUIET_SECONDS", 0.5)
    monkeypatch.setattr(watching, "QUIET_EPOCHS", 1)
    monkeypatch.setattr(watching, "_load", lambda: 1.0)
    lost = until(small.pool, Lost)[-1]
    assert isinstance(lost, Lost)
    assert (lost.number, lost.reason[:16]) == (6, "hung: silent for")
    monkeypatch.undo()

    lost = begin(small.pool, task(8, inputs=["no such input"]), Lost)[-1]
    assert isinstance(lost, Lost)
    assert lost.number == 8
    assert "no such input" in lost.reason
    wait_until(lambda: not hung.is_running() or hung.status() == psutil.STATUS_ZOMBIE)
    begin(small.pool, task(9), Done)


def test_workers_come_and_go_with_the_nodes(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rnnsearch.search.engines import ray_actors as ray_workers

    monkeypatch.setattr(ray_workers, "RESIZE_SECONDS", 0.2)
    notices: list[str] = []
    monkeypatch.setattr(ray_workers, "PLACE_SECONDS", 0.2)
    problem = Problem.load(load_study(small.write_study(tmp_path)))
    with closing(ray_workers.RayWorkers(problem, notices.append)) as pool:

        def placed(number: int) -> bool:
            list(pool.events(0.1))
            return sum(bool(actor.node) for actor in pool._actors) == number

        wait_until(lambda: placed(2))
        assert pool.count == 3  # the head's place is taken, which Ray knows and they wait for
        node = small.cluster.add_node(**NODE)
        wait_until(lambda: placed(3))
        small.cluster.remove_node(node)
        wait_until(lambda: placed(2))
        wait_until(lambda: list(pool.events(0.1)) is not None and pool.count == 3)
        other = ray_workers.RayWorkers(problem, print)
        wait_until(lambda: list(other.events(0.1)) is not None and other.starved())
        assert not pool.starved()
    with closing(other):
        wait_until(lambda: list(other.events(0.1)) is not None and not other.starved())
    assert "workers wait for a place in the Ray cluster; each asks for 1 CPU" in notices[0]


def test_what_actors_are_given_names_no_place_of_this_machine(small: Small, tmp_path: Path) -> None:
    from rnnsearch.search.engines import ray_actors as ray_workers
    from rnnsearch.search.engines import ray_cluster

    study = load_study(small.write_study(tmp_path))
    demand = ray_cluster.demand_of(study, ray_cluster.nodes())
    setup = ray_workers.portable_setup(Problem.load(study), demand)
    assert str(tmp_path).encode() not in pickle.dumps(setup)


# --- searches


def test_the_same_seeds_give_the_same_values_as_local_workers(
    small: Small, home: Path, tmp_path: Path, postgres_url: str, mlflow_server: str
) -> None:
    changes: dict[str, Any] = {"study": {"sampler": "random", "trials": 8}}
    local = study_module.search(
        load_study(write_study(tmp_path, **changes), run__engine="local"), Notes()
    )
    run = {"storage": postgres_url, "tracking": mlflow_server}
    path = small.write_study(tmp_path / "ray", **changes, run=run)
    on_ray = study_module.search(load_study(path), Notes())
    assert results(on_ray) == results(local)
    assert_in_order(path, 8)
    assert_in_order(tmp_path / "small.toml", 8)


def test_cells_and_inputs_of_one_s_own_are_trained_on_every_node(
    small: Small, home: Path, tmp_path: Path
) -> None:
    write_cells(tmp_path / "ray")
    write_own(tmp_path / "ray")
    changes: dict[str, Any] = {
        "study": {"sampler": "random", "trials": 4},
        "data": BARS["data"],
        "space": {"cell": [OWN, "minimal"]},
        "inputs": {"indicators": "none", "module": "my_inputs.py"},
    }
    path = small.write_study(tmp_path / "ray", **changes)
    on_ray = study_module.search(load_study(path), Notes())
    cells = {trial.drawn["cell"] for trial in on_ray.trials()}
    assert cells == {OWN, "minimal"}
    local = study_module.search(load_study(write_study(path.parent, "here", **changes)), Notes())
    assert results(on_ray) == results(local)
    answer = evaluate(load_study(path), top=1, seeds=2, say=quiet)
    assert answer["champion"]["params"]["cell"] in cells
    assert predict(load_study(path))["forecasts"]


def test_a_node_removed_in_mid_trial_loses_nothing(
    small: Small, home: Path, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {
        "study": {"sampler": "random", "trials": 3},
        "space": {"epochs": 300},
        "run": {"kernels": "torch"},  # slow enough for a node to go meanwhile
    }
    path = small.write_study(tmp_path, **changes)
    notes = Notes()

    def remove(_: Any) -> None:
        if len({number for number, epoch in notes.reports if epoch}) == 2:
            small.cluster.remove_node(small.others.pop())
            notes.at = lambda _: None

    notes.at = remove
    try:
        store = study_module.search(load_study(path), notes)
    finally:
        small.others.append(small.cluster.add_node(**NODE))
    [notice] = [text for text in notes.notices if "trying it again" in text]
    assert "was lost" in notice
    assert assert_in_order(path, 3)["complete"] == 3
    other = write_study(tmp_path, "undisturbed", **changes)
    assert results(store) == results(study_module.search(load_study(other), Notes()))


def test_two_drivers_share_a_study_and_one_is_killed_and_restarted(
    small: Small, home: Path, tmp_path: Path, postgres_url: str, mlflow_server: str
) -> None:
    path = small.write_study(
        tmp_path,
        study={"trials": 1000, "sampler": "random", "name": f"shared-{uuid.uuid4().hex}"},
        space={"epochs": 150},
        run={"storage": postgres_url, "tracking": mlflow_server},
    )
    Store(load_study(path))  # so that it can be watched
    drivers = [start("search", path, "--workers", 1) for _ in range(2)]
    try:
        wait_until(lambda: len(drivers_with_epochs(path)) == 2)
        seen = facts_of(path)["workers"]
        assert {driver["pid"] for driver in seen} == {driver.pid for driver in drivers}
        assert [(one["engine"], one["workers"]) for one in seen] == [("ray", 1), ("ray", 1)]
        drivers[0].kill()
        drivers[0].communicate()
        drivers[1].send_signal(signal.SIGINT)
        code, _, err = finish(drivers[1])
        assert code == 130, err
    finally:
        for process in drivers:
            end_group(process)
    left = facts_of(path)
    target = sum(left[state] for state in ("complete", "running", "waiting"))
    study_module.search(load_study(path), Notes(), trials=str(target))
    facts = assert_in_order(path, target)
    assert facts["complete"] == target
    assert facts["interrupted"] >= 1  # of the killed one
    done = [trial for trial in trials_of(path) if trial.is_complete]
    assert len({trial.driver for trial in done}) >= 2
    assert len({str(trial.plain) for trial in done}) == target


def drivers_with_epochs(path: Path) -> set[str]:
    # Optuna reads attributes first and epochs later: a trial may have begun in between.
    begun = (t for t in trials_of(path) if t.reports and t.driver)
    return {trial.driver for trial in begun}


# --- before anything is started


def test_a_dry_run_says_what_would_be_placed_where(
    small: Small, home: Path, tmp_path: Path
) -> None:
    plan = placement(load_study(small.write_study(tmp_path, run={"max_workers": 8})))
    assert plan.nodes is not None
    assert list(plan.nodes["room for"]) == [1, 1, 1]
    text = "\n".join(plan.facts)
    assert "8 workers, device cpu, each with 1 CPU and no GPU" in text
    assert "there is room for 3 of them; 5 wait for the cluster to grow" in text
    assert "free now: 2 CPU, no GPU" in text


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ({"device": "cuda"}, r"gpus_per_trial: every worker asks for 0.25 of a GPU, but no node"),
        ({"cpus_per_trial": 3}, r"cpus_per_trial: .* 3 CPU, but the largest node .* has 1;"),
        ({"device": "cuda:1"}, r"Ray chooses the card, got 'cuda:1'"),
        ({"device": "cuda", "gpus_per_trial": 0}, r"0 leaves no GPU for"),
        ({"device": "cpu", "gpus_per_trial": 0.5}, r"would lie idle"),
    ],
)
def test_what_can_never_be_placed_ends_with_2(
    small: Small,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    run: dict[str, Any],
    told: str,
) -> None:
    import re

    path = small.write_study(tmp_path, run=run)
    for arguments in (["--dry-run"], []):
        monkeypatch.setattr(sys, "argv", ["rnnsearch", "search", str(path), *arguments])
        assert cli._exit_code() == 2
        assert re.search(told, capsys.readouterr().err)
