"""Several drivers of many series, in one PostgreSQL: one network for all, or a search each."""

from pathlib import Path
from typing import Any

import pytest

from rnnsearch.config import load_study
from rnnsearch.search.searching import search
from rnnsearch.search.store.store import Store
from tests.helpers.many import members, search_here, write_many
from tests.helpers.pooled import write_pooled
from tests.helpers.searches import (
    Notes,
    assert_in_order,
    assert_study_in_order,
    end_group,
    finish,
    start,
    trials_of,
    wait_until,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]


def with_epochs(study: Any) -> set[str]:
    """Drivers that have trained a trial."""
    trials = Store(study, create=False).trials()
    return {trial.driver for trial in trials if trial.reports and trial.driver}


def test_drivers_share_one_network_and_a_killed_one_loses_nothing(
    tmp_path: Path, postgres_url: str
) -> None:
    path = write_pooled(
        tmp_path,
        study={"trials": 8, "sampler": "random"},
        space={"epochs": 60, "embedding": [0, 2]},
        run={"engine": "local", "workers": 1, "storage": postgres_url},
    )
    Store(load_study(path))  # so that it can be watched
    drivers = [start("search", path) for _ in range(2)]
    try:
        wait_until(lambda: len(with_epochs(load_study(path))) == 2)
        end_group(drivers[0])
        drivers[0].communicate()
        code, _, err = finish(drivers[1])
        assert code == 0, err
    finally:
        for process in drivers:
            end_group(process)
    search(load_study(path), Notes())  # what the killed one held may have had to wait for this
    assert_in_order(path, 8)
    assert len({trial.driver for trial in trials_of(path) if trial.is_over}) >= 2


def test_drivers_share_the_series_of_a_folder_and_a_killed_one_loses_nothing(
    tmp_path: Path, postgres_url: str
) -> None:
    path = write_many(
        tmp_path,
        count=2,
        study={"trials": 4, "sampler": "random"},
        space={"epochs": 60},
        run={"engine": "local", "workers": 1, "storage": postgres_url},
    )
    family = members(path)
    Store(family.members[0].study)
    drivers = [start("search", path) for _ in range(2)]
    try:
        wait_until(lambda: len(with_epochs(family.members[0].study)) == 2)
        end_group(drivers[0])
        drivers[0].communicate()
        code, out, err = finish(drivers[1])
        assert code == 0, err
        assert "2 of 2 series done" in out
    finally:
        for process in drivers:
            end_group(process)
    search_here(path)
    for member in family.members:
        assert_study_in_order(member.study, 4)
