"""Whole searches of a small study, in this process: what is tried, told, reused and refused."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState, create_trial

from rnnsearch.config import load_study
from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.search import searching as study_module
from rnnsearch.search.driver.asking import Tried
from rnnsearch.search.driver.running import RunningTrial
from rnnsearch.search.engines import inline
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import Event, Lost
from tests.helpers.searches import (
    Notes,
    assert_in_order,
    facts_of,
    trials_of,
    write_study,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]

LONG = {"epochs": 16, "learning_rate": {"low": 1e-4, "high": 0.1, "log": True}}
"""Long enough for the pruner to have its say, and wild enough for it to say no."""


def search(path: Path, trials: str | None = None, **overrides: Any) -> tuple[Store, Notes]:
    notes = Notes()
    return study_module.search(load_study(path, **overrides), notes, trials=trials), notes


def told(store: Store) -> list[tuple[Any, ...]]:
    """What must be equal in two searches that are to be the same."""
    return [
        (trial.number, trial.state, trial.value, trial.drawn, trial.plain)
        for trial in store.trials()
    ]


def test_a_search_ends_with_exactly_its_trials_and_mlflow_has_each_once(tmp_path: Path) -> None:
    path = write_study(tmp_path, run={"engine": "local", "workers": 2})
    store, notes = search(path)
    facts = assert_in_order(path, 6)
    assert facts["complete"] == facts["target_trials"] == 6
    assert sorted(notes.told) == list(range(6))
    best = max(store.trials(), key=lambda trial: trial.value or 0)
    assert facts["best"]["number"] == best.number
    assert facts["best"]["value"] == best.value


def test_reference_trials_come_first(tmp_path: Path) -> None:
    store, _ = search(write_study(tmp_path), trials="3")
    inputs = [trial.plain["inputs"] for trial in store.trials()]
    assert [trial.reference for trial in store.trials()] == [
        "close only",
        "all inputs",
        None,
    ]
    assert len(inputs[0]) == 1
    assert len(inputs[1]) == 3


def test_it_is_measured_what_the_inputs_of_the_best_trials_are_worth(tmp_path: Path) -> None:
    path = write_study(tmp_path, study={"trials": 14, "pruner": "none"})
    search(path)
    complete = [t for t in trials_of(path) if t.is_original]
    ranked = sorted(complete, key=lambda t: -t.value)
    measured = [t for t in complete if t.permutation]
    assert measured[:5] == complete[:5], "no five are known to be better"
    assert {t.number for t in ranked[:5]} <= {t.number for t in measured}
    assert len(measured) < len(complete), "those that were not among the best cost nothing"
    for trial in measured:
        inputs = trial.plain["inputs"]
        assert list(trial.record["permutation"]) == inputs
    needed = {one["input"] for one in facts_of(path)["inputs"] if one["permutation"] is not None}
    assert needed == {name for t in ranked[:5] for name in t.plain["inputs"]}


def test_only_complete_trials_set_the_bar_of_the_best() -> None:
    def ended(number: int, value: float, **attrs: Any) -> TrialView:
        state = TrialState.PRUNED if attrs.pop("pruned", False) else TrialState.COMPLETE
        trial = create_trial(
            state=state, value=value, user_attrs={"parameters": {"seed": number}} | attrs
        )
        trial.number = number
        return TrialView(trial)

    tried = Tried()
    tried.look_at(ended(number, number / 10) for number in range(4))
    assert tried.bar_of_the_best() == float("-inf"), "there are no five yet"
    tried.look_at([ended(4, 0.9, pruned=True), ended(5, 0.9, duplicate_of=3)])
    assert tried.bar_of_the_best() == float("-inf")
    tried.look_at([ended(6, 0.5), ended(7, 0.05), ended(3, 0.3)])
    assert tried.bar_of_the_best() == 0.05


def test_no_more_references_are_queued_than_trials_are_wanted(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    search(path, trials="1")
    assert_in_order(path, 1)
    store, _ = search(path, trials="+1")
    assert_in_order(path, 2)
    assert store.trials()[1].reference == "all inputs"


@pytest.mark.parametrize("pruner", ["median", "none"])
def test_two_searches_with_one_seed_and_one_worker_are_the_same(
    tmp_path: Path, pruner: str
) -> None:
    # Past TPE's ten random trials, and long enough for the pruner to have its say.
    changes: dict[str, Any] = {"study": {"trials": 14, "pruner": pruner}, "space": LONG}
    first, _ = search(write_study(tmp_path / "a", "first", **changes))
    second, _ = search(write_study(tmp_path / "b", "second", **changes))
    assert told(first) == told(second)
    assert len({str(trial.drawn) for trial in first.trials()}) > 10
    if pruner == "median":
        assert first.counts()["pruned"] > 0


def test_another_seed_tries_other_trials(tmp_path: Path) -> None:
    first, _ = search(write_study(tmp_path / "a", "first"))
    second, _ = search(write_study(tmp_path / "b", "second", study={"seed": 2}))
    assert [trial.drawn for trial in first.trials()] != [t.drawn for t in second.trials()]


def test_a_search_in_two_parts_draws_nothing_twice(tmp_path: Path) -> None:
    path = write_study(tmp_path, study={"sampler": "random", "references": False})
    search(path, trials="4")
    store, _ = search(path, trials="+4")
    rates = [trial.drawn["learning_rate"] for trial in store.trials()]
    assert len(set(rates)) == 8


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "gp"])
def test_each_sampler_searches(tmp_path: Path, sampler: str) -> None:
    path = write_study(tmp_path, study={"sampler": sampler, "trials": 5, "references": False})
    store, _ = search(path)
    assert store.counts()["complete"] == 5
    assert len({str(trial.drawn) for trial in store.trials()}) == 5


@pytest.mark.parametrize("pruner", ["median", "asha", "hyperband"])
def test_each_pruner_prunes_at_the_epoch_it_was_told_of(tmp_path: Path, pruner: str) -> None:
    path = write_study(tmp_path, study={"pruner": pruner, "trials": 14}, space=LONG)
    store, _ = search(path)
    pruned = store.trials("pruned")
    assert pruned
    for trial in pruned:
        gains = trial.curves["gain"]
        assert len(gains) == len(trial.reports) < 16
        assert trial.value == gains[-1]
        assert trial.reference is None
    assert_in_order(path, 14)


def test_the_grid_is_walked_once_and_then_the_search_ends(tmp_path: Path) -> None:
    space = {"learning_rate": [0.001, 0.01], "output_shift": 1, "neurons": 2, "window": [2, 3]}
    path = write_study(
        tmp_path, study={"sampler": "grid", "trials": 99}, space=space, inputs={"search": "all"}
    )
    store, _ = search(path)
    facts = assert_in_order(path, 8)
    assert facts["duplicates"] == 0
    assert facts["target_trials"] == 8
    keys = {TrialParameters.from_plain(t.plain).key for t in store.trials()}
    assert len(keys) == 8


def test_a_grid_tries_what_another_sampler_has_not(tmp_path: Path) -> None:
    space = {"epochs": [1, 2, 3], "neurons": 2, "window": 2, "output_shift": 1, "cell": "gru"}
    space |= {"learning_rate": 0.001}
    study = {"sampler": "random", "trials": 4, "references": False}
    path = write_study(tmp_path, study=study, space=space, inputs={"search": "all"})
    search(path)
    write_study(tmp_path, study=study | {"sampler": "grid"}, space=space, inputs={"search": "all"})
    store, _ = search(path, trials="99")
    assert {trial.drawn["epochs"] for trial in store.trials()} == {1, 2, 3}
    drawn = [trial.drawn["epochs"] for trial in store.trials()]
    assert len(drawn) == 4 + len({1, 2, 3} - set(drawn[:4]))


def test_a_grid_without_end_is_refused(tmp_path: Path) -> None:
    path = write_study(tmp_path, study={"sampler": "grid"})
    with pytest.raises(StudyFileError, match=r"no end of values for \[space\] learning_rate;"):
        search(path)


def test_a_trial_that_was_run_before_takes_its_result(tmp_path: Path) -> None:
    space = {"cell": "gru", "neurons": 2, "window": 2, "learning_rate": [0.001, 0.01]}
    space["output_shift"] = 1  # two networks in all
    path = write_study(tmp_path, study={"sampler": "random"}, space=space, inputs={"search": "all"})
    store, notes = search(path)
    facts = assert_in_order(path, 6)
    assert facts["duplicates"] == 4
    trained = {number for number, epoch in notes.reports if epoch > 0}
    assert len(trained) == 2
    for trial in store.trials():
        earlier = trial if trial.is_original else store.trial(trial.duplicate_of)
        assert earlier.number in trained
        assert trial.value == earlier.value
        assert trial.record == earlier.record


def test_a_copy_of_a_pruned_trial_is_pruned(tmp_path: Path) -> None:
    path = write_study(tmp_path, study={"pruner": "median", "trials": 14}, space=LONG)
    store, _ = search(path)
    pruned = store.trials("pruned")[0]
    store.queue(pruned.drawn)
    store, _ = search(path, trials="+1")
    copy = store.trials()[-1]
    assert copy.duplicate_of == pruned.number
    assert (copy.state, copy.value) == ("pruned", pruned.value)


def test_a_trial_that_diverges_fails_with_its_reason_and_the_search_goes_on(
    tmp_path: Path,
) -> None:
    # Without clipping, the head's weights grow with every step until they are no numbers.
    space = {"optimizer": "sgd", "learning_rate": [1e-3, 10.0], "clip": 0, "epochs": 3}
    space |= {"batch_size": 4, "output_shift": 1, "window": 2}
    path = write_study(tmp_path, study={"sampler": "random", "trials": 8}, space=space)
    store, _ = search(path)
    facts = assert_in_order(path, 8)
    assert facts["failed"] > 0
    assert facts["complete"] > 0
    for trial in store.trials("failed"):
        assert trial.reason.startswith("diverged: ")
        assert trial.drawn["learning_rate"] == 10.0


class Starving(inline.InlineWorkers):
    """Its worker is lost in the first trial, and for a while there is no place for another."""

    lost = hungry = False

    def has_idle(self) -> bool:
        return super().has_idle() and not self.hungry

    def starved(self) -> bool:
        hungry, self.hungry = self.hungry, False
        return hungry

    def events(self, timeout: float) -> list[Event]:
        number = self._worker.number
        if number is None or self.lost:
            return super().events(timeout)
        self._worker.number = None
        self.lost = self.hungry = True
        return [Lost(number, "its node is gone")]


def test_a_trial_that_finds_no_worker_is_left_to_other_drivers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inline, "InlineWorkers", Starving)
    path = write_study(tmp_path)
    store, notes = search(path)
    assert assert_in_order(path, 6)["interrupted"] == 2  # and the one that was to come next
    left, *others = store.trials()
    assert left.number in notes.let_go_of
    assert left.state == "interrupted"
    [taken] = [trial for trial in others if trial.retry_of == left.number]
    assert taken.drawn == left.drawn
    assert taken.state == "complete"


def test_a_finished_study_is_left_as_it_is(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    store, _ = search(path)
    before = told(store)
    again, notes = search(path)
    assert told(again) == before
    assert notes.told == []
    assert_in_order(path, 6)


def test_more_trials_are_added_by_number_and_remembered(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    search(path, trials="2")
    search(path, trials="+3")
    assert_in_order(path, 5)
    assert facts_of(path)["target_trials"] == 5
    search(path)  # the file's 6 are more
    assert_in_order(path, 6)


def test_a_changed_space_is_refused_with_what_changed(tmp_path: Path) -> None:
    search(write_study(tmp_path), trials="2")
    path = write_study(tmp_path, space={"window": [2, 3, 5]})
    with pytest.raises(StudyFileError) as error:
        search(path)
    text = str(error.value)
    assert "space.window was [2, 3, 4] and is [2, 3, 5]" in text
    assert "give [study] another name" in text


def test_changed_data_are_refused_with_what_changed(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    search(path, trials="2")
    lines = (tmp_path / "prices.csv").read_text().splitlines()
    (tmp_path / "prices.csv").write_text("\n".join(lines[:-1]))
    with pytest.raises(DataError, match=r"they were 300 rows, .* and are 299 rows"):
        search(path)
    date, _, rest = lines[-1].split(",", 2)
    (tmp_path / "prices.csv").write_text("\n".join([*lines[:-1], f"{date},101.5,{rest}"]))
    with pytest.raises(DataError, match=r"the same 300 rows, .*, but with other values"):
        search(path)


def test_what_does_not_change_trials_may_change_on_resume(tmp_path: Path) -> None:
    search(write_study(tmp_path), trials="2")
    search(write_study(tmp_path, study={"pruner": "median", "sampler": "random"}))
    assert_in_order(tmp_path / "small.toml", 6)


def test_a_search_waits_for_another_program_that_holds_the_database(
    tmp_path: Path, home: Path
) -> None:
    path = write_study(tmp_path)
    notes = Notes()
    holders: list[threading.Thread] = []
    held = threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(home / "optuna.db", timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            held.set()
            time.sleep(2)  # the search runs into it: it writes several times a second
            other.rollback()

    def locked(trial: RunningTrial) -> None:
        if (trial.number, trial.epoch) == (2, 1):
            holders.append(threading.Thread(target=hold))
            holders[0].start()
            held.wait()

    notes.at = locked
    study_module.search(load_study(path), notes)
    holders[0].join()
    assert_in_order(path, 6)
    assert notes.notices == []


def test_postgresql_gets_the_same_trials_as_sqlite(tmp_path: Path, postgres_url: str) -> None:
    # Past the start of TPE: its proposals follow from what the store gives back.
    path = write_study(tmp_path, study={"trials": 13})
    embedded, _ = search(path)
    server, _ = search(path, run__storage=postgres_url)
    assert told(server) == told(embedded)
