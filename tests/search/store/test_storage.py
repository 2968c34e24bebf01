"""What a driver knows of a study shared with another one is what Optuna itself reads of it."""

import gc
import random
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState

from rnnsearch.config import load_study
from rnnsearch.errors import StorageError
from rnnsearch.search.store import cached as storage
from rnnsearch.search.store.store import Store
from tests.helpers.searches import wait_until, write_study

pytestmark = pytest.mark.slow  # whole searches or commands

STEPS = 64


class TwoDrivers:
    """Two drivers of one study, which do by chance what drivers do."""

    def __init__(self, folder: Path, seed: int) -> None:
        path = write_study(folder, run={"storage": f"sqlite:///{folder}/shared.db"})
        self.stores = [Store(load_study(path)) for _ in range(2)]
        self._open: list[list[optuna.Trial]] = [[], []]
        self._chance = random.Random(seed)

    def step(self) -> None:
        chance = self._chance
        which = chance.randrange(2)
        store, trials = self.stores[which], self._open[which]
        match chance.choice(["ask", "queue", "report", "report", "report", "tell"]):
            case "ask":
                with store.turn():
                    trial = store._study.ask()
                trial.set_user_attr("driver", which)
                values = {"x": trial.suggest_float("x", 0, 1), "k": trial.suggest_int("k", 1, 9)}
                trial.set_user_attr("parameters", values)
                trials.append(trial)
            case "queue":
                with store.turn():
                    store._study.enqueue_trial({"x": chance.random()}, user_attrs={"retry_of": 0})
            case "report" if trials:
                trial = chance.choice(trials)
                steps = store.trial(trial.number).reports
                trial.report(chance.choice([chance.random(), float("-inf")]), len(steps))
            case "tell" if trials:
                trial = trials.pop(chance.randrange(len(trials)))
                trial.set_user_attr("record", {"loss": [chance.random()]})
                state = chance.choice([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])
                complete = state == TrialState.COMPLETE
                store._study.tell(trial, chance.random() if complete else None, state)
        store.flush()

    def known(self) -> list[list[FrozenTrial]]:
        found = []
        for store in self.stores:
            with store.turn():
                found.append(store._study.get_trials(deepcopy=False))
        return found

    def read(self) -> list[FrozenTrial]:
        """By Optuna, which has kept nothing in memory."""
        backend = optuna.storages.RDBStorage(self.stores[0].url)
        trials = optuna.load_study(storage=backend, study_name=self.stores[0].name).trials
        backend.remove_session()
        backend.engine.dispose()
        return trials


def all_of(trial: FrozenTrial) -> dict[str, Any]:
    return {key: value for key, value in vars(trial).items() if key != "_trial_id"}


def test_drivers_know_all_that_was_said_of_a_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "EPOCHS_SECONDS", 0.0)
    drivers = TwoDrivers(tmp_path, seed=1)
    for step in range(STEPS):
        drivers.step()
        if step % 8 == 7:
            expected = [all_of(trial) for trial in drivers.read()]
            for known in drivers.known():
                assert [all_of(trial) for trial in known] == expected


def test_drivers_know_at_once_all_but_the_epochs_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "EPOCHS_SECONDS", 3600.0)
    drivers = TwoDrivers(tmp_path, seed=2)
    behind = 0
    for step in range(STEPS):
        drivers.step()
        if step % 4 < 3:
            continue
        read = drivers.read()
        for known in drivers.known():
            assert len(known) == len(read)
            for mine, true in zip(known, read, strict=True):
                seen, fact = all_of(mine), all_of(true)
                if true.state == TrialState.RUNNING:
                    behind += seen.pop("intermediate_values") != fact.pop("intermediate_values")
                assert seen == fact
    assert behind, "no epoch was left unread"


def test_what_is_said_of_a_trial_that_another_driver_has_ended_is_dropped(tmp_path: Path) -> None:
    one, other = TwoDrivers(tmp_path, seed=3).stores
    with one.turn():
        trial = one._study.ask()
    trial.set_user_attr("parameters", {"x": 1})
    one.flush()
    with other.turn():
        other.interrupt(other.trial(trial.number), died=True)
    trial.report(0.5, 1)
    one.flush()
    with one.turn():
        assert one.trial(trial.number).state == "interrupted"
    assert one.trial(trial.number).reports == {}
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        trial.report(0.6, 2)


def test_a_storage_that_goes_away_as_a_trial_ends_leaves_no_running_trial(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(load_study(write_study(tmp_path)))
    trial = store._study.ask()
    backend = store._study._storage._backend

    def away(trial_id: int) -> FrozenTrial:
        raise optuna.exceptions.StorageInternalError("the network is cut")

    with monkeypatch.context() as patch:
        patch.setattr(backend, "get_trial", away)
        with pytest.raises(optuna.exceptions.StorageInternalError):
            store._study.tell(trial, 0.5)

    def tell_again() -> None:
        trial.set_user_attr("record", {})
        store._study._storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [0.5])

    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):  # it had been told
        tell_again()
    assert [t.state for t in store.trials()] == ["complete"]


def test_a_store_no_longer_used_keeps_no_connection_open(tmp_path: Path, postgres_url: str) -> None:
    study = load_study(write_study(tmp_path, run={"storage": postgres_url}))
    created = Store(study)
    before = connections(created.url)
    gc.disable()  # which would close them too, at times
    try:
        for _ in range(5):
            assert Store(study, create=False).trials() == []
        wait_until(lambda: connections(created.url) == before, seconds=20)  # servers close in time
    finally:
        gc.enable()


def connections(url: str) -> int:
    """How many a PostgreSQL database has, this one among them."""
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).connect() as server:
        return int(server.scalar(sqlalchemy.text(count)) or 0)


@pytest.mark.usefixtures("home")
def test_tables_of_another_version_of_optuna_are_refused_each_time(tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path))
    engine = Store(study).engine
    for version, told in (("v0.9.0.a", "storage upgrade"), ("v99.0.0.a", "pip install -U optuna")):
        with engine.begin() as connection:
            connection.execute(
                sqlalchemy.text(f"UPDATE alembic_version SET version_num='{version}'")
            )
        for create in (True, False):
            with pytest.raises(StorageError, match=told):
                Store(study, create=create)
