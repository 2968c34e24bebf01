"""A study whose storage goes away in the middle of a search: server, network or disk."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import StorageError
from rnnsearch.search import searching as study_module
from rnnsearch.search.driver import asking, patience
from rnnsearch.search.driver.running import RunningTrial
from rnnsearch.search.store import leases
from tests.helpers.faults import Network, restart_postgres, small_disk
from tests.helpers.searches import Notes, assert_in_order, write_study

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]


@pytest.fixture
def network(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """The network between searches and their PostgreSQL."""
    network, url = Network.to(postgres_url)
    monkeypatch.setenv("RNNSEARCH_STORAGE", url)
    yield network
    network.close()


def search(path: Path, at: tuple[int, int], fault: Any) -> Notes:
    """Search, with a fault at an epoch of a trial."""
    notes = Notes()
    begun: list[int] = []

    def begin(trial: RunningTrial) -> None:
        if (trial.number, trial.epoch) == at and not begun:
            begun.append(trial.number)
            fault()

    notes.at = begin
    study_module.search(load_study(path), notes)
    assert begun
    return notes


def later(seconds: float, action: Any) -> None:
    threading.Timer(seconds, action).start()


AWAY, BACK = "the study storage does not answer (", "the study storage answers again"


def test_a_search_goes_on_when_the_network_to_its_storage_is_back(
    tmp_path: Path, network: Network
) -> None:
    path = write_study(tmp_path)

    def fault() -> None:
        network.cut()
        later(2.5, network.mend)

    notes = search(path, (2, 1), fault)
    assert assert_in_order(path, 6)["interrupted"] == 0
    assert [text[: len(AWAY)] for text in notes.notices if "storage" in text] == [
        AWAY,
        BACK[: len(AWAY)],
    ]


def test_a_frozen_network_is_waited_for(tmp_path: Path, network: Network) -> None:
    path = write_study(tmp_path)

    def fault() -> None:
        network.freeze()
        later(2.5, network.mend)

    notes = search(path, (2, 1), fault)
    assert assert_in_order(path, 6)["interrupted"] == 0
    assert notes.notices == []


def test_a_storage_that_is_restarted_in_mid_search_costs_nothing(
    tmp_path: Path, postgres_server: Any, postgres_url: str
) -> None:
    path = write_study(tmp_path, run={"storage": postgres_url})
    notes = search(path, (3, 1), lambda: restart_postgres(postgres_server))
    assert assert_in_order(path, 6)["interrupted"] == 0
    assert notes.told == list(range(6))


def test_a_search_gives_up_a_storage_that_stays_away_and_resumes(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "OUTAGE_SECONDS", 1.0)
    monkeypatch.setattr(leases, "LAPSE_SECONDS", 2.0)  # this process lives on
    monkeypatch.setattr(asking, "RECOVER_SECONDS", 0.2)
    path = write_study(tmp_path)
    with pytest.raises(StorageError, match="the study storage does not answer as it should"):
        search(path, (2, 1), network.cut)
    network.mend()
    study_module.search(load_study(path), Notes())
    assert_in_order(path, 6)


@pytest.mark.parametrize("size", ["4k", "100k", "280k"], ids=["cache", "tables", "trials"])
def test_a_full_disk_ends_a_search_in_words_and_it_goes_on_when_there_is_room(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    monkeypatch.setenv("RNNSEARCH_HOME", str(disk))
    tracking = f"sqlite:///{home}/mlflow.db"
    path = write_study(tmp_path, inputs={"search": "ranked"}, run={"tracking": tracking})
    with contextlib.ExitStack() as stack:
        try:
            resize = stack.enter_context(small_disk(disk, size))
        except OSError as error:
            pytest.skip(f"needs the right to mount: {error}")
        with pytest.raises(StorageError, match=r"disk is full; make room|No space left on device"):
            study_module.search(load_study(path), Notes())
        resize("8m")
        study_module.search(load_study(path), Notes())
        assert_in_order(path, 6)
