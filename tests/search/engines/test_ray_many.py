"""Many series on a Ray cluster: one network, or a search each."""

import uuid
from contextlib import closing
from pathlib import Path

import pytest

from rnnsearch.config import load_study
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import search
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.protocol import KEPT, Done
from tests.helpers.many import AllNotes, members, search_here, values, write_many
from tests.helpers.pooled import write_pooled
from tests.helpers.rays import MARKS, Small
from tests.helpers.searches import (
    Notes,
    assert_in_order,
    assert_study_in_order,
    begin,
    end_group,
    start,
    task,
    trials_of,
    until_idle,
    wait_until,
)

pytestmark = [*MARKS, pytest.mark.usefixtures("home")]


def test_one_network_for_many_is_trained_on_ray_as_by_local_workers(
    small: Small, tmp_path: Path
) -> None:
    changes = {"study": {"sampler": "random", "trials": 4}, "space": {"embedding": [0, 2]}}
    on_ray = write_pooled(tmp_path / "ray", **small.on_ray(changes))
    here = write_pooled(tmp_path / "here", "here", **changes)
    found = [search(load_study(path), Notes()) for path in (on_ray, here)]
    one, other = ([trial.value for trial in store.trials()] for store in found)
    assert one == other
    assert_in_order(on_ray, 4)


def test_a_killed_driver_of_one_network_on_ray_loses_no_trial(
    small: Small, tmp_path: Path, postgres_url: str
) -> None:
    changes = {
        "study": {"trials": 6, "sampler": "random", "name": f"pooled-{uuid.uuid4().hex}"},
        "space": {"epochs": 40, "embedding": [0, 2]},
        "run": {"storage": postgres_url},
    }
    path = write_pooled(tmp_path, **small.on_ray(changes))
    killed = start("search", path)
    try:
        assert killed.stdout is not None
        killed.stdout.readline()
        wait_until(lambda: any(trial.reports for trial in trials_of(path)))
        killed.kill()
        killed.communicate()
    finally:
        end_group(killed)
    search(load_study(path), Notes())
    assert_in_order(path, 6)


def test_series_share_the_actors_and_have_the_values_of_local_workers(
    small: Small, tmp_path: Path
) -> None:
    changes = {"study": {"trials": 3, "sampler": "random"}}
    views = AllNotes()
    on_ray = search_here(write_many(tmp_path / "ray", **small.on_ray(changes)), views)
    here = search_here(write_many(tmp_path / "here", name="here", **changes))
    assert values(on_ray) == values(here)
    assert not any("one after the other" in text for text in views.notices)
    for member in on_ray.members:
        assert_study_in_order(member.study, 3)


def test_an_actor_knows_the_newest_problems_alone_and_is_told_again(
    small: Small, tmp_path: Path
) -> None:
    from rnnsearch.search.engines.ray_actors import RayWorkers

    family = members(write_many(tmp_path, count=KEPT + 2, **small.on_ray({})))
    problems = [Problem.load(member.study) for member in family.members]
    with closing(RayWorkers(problems[0], print, 1)) as pool:
        for number, problem in enumerate(problems[1:], start=1):
            pool.learn(number, problem)
        for number, of in enumerate([1, 2, 0, *range(1, KEPT + 2), 1, 0]):
            until_idle(pool)
            said = begin(pool, task(number, problem=of), Done)
            assert isinstance(said[-1], Done)
        pool.forget(1)


def test_a_killed_driver_of_many_series_on_ray_loses_no_trial(small: Small, tmp_path: Path) -> None:
    changes = {"study": {"trials": 3}, "space": {"epochs": 40}}
    path = write_many(tmp_path, **small.on_ray(changes))
    killed = start("search", path)
    try:
        assert killed.stdout is not None
        killed.stdout.readline()
        first = members(path).members[0].study
        wait_until(lambda: any(t.reports for t in Store(first, create=False).trials()))
        killed.kill()
        killed.communicate()
    finally:
        end_group(killed)
    search_here(path)
    for member in members(path).members:
        assert_study_in_order(member.study, 3)
