"""A study whose storage goes away in the middle of a search: PostgreSQL restarted, network cut."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import StorageError
from rnnsearch.search import patience
from rnnsearch.search import study as study_module
from rnnsearch.search.running import RunningTrial
from tests.outages import Network, restart_postgres
from tests.searches import InlineWorkers, Notes, assert_in_order, write_study

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(autouse=True)
def _inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_module, "LocalWorkers", InlineWorkers)


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
    path = write_study(tmp_path)
    with pytest.raises(StorageError, match="the study storage does not answer as it should"):
        search(path, (2, 1), network.cut)
    network.mend()
    study_module.search(load_study(path), Notes())
    assert_in_order(path, 6)


def test_two_fast_ctrl_c_end_a_search_whose_storage_is_away() -> None:
    assert time
