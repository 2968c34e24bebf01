"""A new study that begins with the trials of an old one, after data, space or code have changed."""

from pathlib import Path
from typing import Any

import optuna
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import DataError, StorageError, StudyFileError
from rnnsearch.search import searching as study_module
from rnnsearch.search.driver import forking
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView
from tests.helpers.faults import killed
from tests.helpers.searches import Notes, assert_in_order, trials_of, write_study

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]


def search(path: Path) -> list[TrialView]:
    return study_module.search(load_study(path), Notes()).trials()


def fork(path: Path, trials: str | None = None, name: str = "forked") -> Notes:
    notes = Notes()
    study = load_study(path, study__name=name)
    study_module.search(study, notes, trials=trials, fork_of=path.stem)
    return notes


def forked(path: Path, **overrides: Any) -> list[TrialView]:
    return trials_of(path, study__name="forked", **overrides)


def later_data(path: Path) -> None:
    """Four sessions more."""
    lines = [f"2021-03-{day},{100 + day},0.{day},0.1" for day in (1, 2, 3, 4)]
    with (path.parent / "prices.csv").open("a") as prices:
        prices.write("\n".join(lines).replace("-03-", "-03-0") + "\n")


def what(trial: TrialView) -> tuple[Any, ...]:
    """What a copy must have in common with its original."""
    kept = (trial.plain, trial.record, trial.forecasts.tolist())
    return (trial.state, trial.value, trial.drawn, trial.reports, kept)


def test_trials_inside_a_changed_space_are_copied_with_their_values(tmp_path: Path) -> None:
    old = search(write_study(tmp_path, study={"trials": 8}))
    path = write_study(  # the largest window and shift are the same: so are the rows
        tmp_path, study={"trials": 12}, space={"window": [2, 4], "neurons": {"low": 2, "high": 6}}
    )
    inside = [t for t in old if t.drawn["window"] != 3 and t.is_original]
    assert 0 < len(inside) < len(old)
    notes = fork(path)
    trials = forked(path)
    copies = [trial for trial in trials if trial.forked_from is not None]
    assert [what(trial) for trial in copies] == [what(trial) for trial in inside]
    assert trials[: len(copies)] == copies
    assert notes.told == list(range(len(copies), 12))
    assert f"{len(copies)} finished trials still hold, 0 configurations" in notes.notices[0]
    renamed = write_study(
        tmp_path,
        study={"name": "forked", "trials": 12},
        space={"window": [2, 4], "neurons": {"low": 2, "high": 6}},
    )
    assert_in_order(renamed, 12)  # MLflow has the copies, too
    search(renamed)  # and so the study goes on


def test_after_new_data_the_best_are_trained_again_best_first(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    old = search(path)
    later_data(path)
    with pytest.raises(DataError, match=r"300 rows, .* 304 rows, .* --fork NAME"):
        search(path)
    notes = fork(path)
    sampled = [t for t in old if t.reference is None]
    best = sorted(sampled, key=lambda trial: -(trial.value or 0))[:3]  # half of the six wanted
    again = forked(path)[:3]
    assert [t.forked_from for t in again] == [t.number for t in best]
    for new, was in zip(again, best, strict=True):
        assert new.plain == was.plain
        assert new.value != was.value
    assert any(
        "0 finished trials still hold, 3 configurations are trained again" in notice
        for notice in notes.notices
    )


def test_trials_of_another_version_are_told_of_and_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_study(tmp_path)
    old = {trial.number: trial for trial in search(path)}
    for module in (forking, study_module):
        monkeypatch.setattr(module, "__version__", "9.0")
    notes = Notes()
    study_module.search(load_study(path), notes)
    assert len(notes.notices) == 1
    assert "has trials of rnnsearch 0.1.0, and this is 9.0" in notes.notices[0]
    fork(path)
    again = [trial for trial in forked(path) if trial.forked_from is not None]
    assert len(again) == 3
    for trial in again:  # this version did not change: so a copy would have been right
        assert trial.value == old[trial.forked_from].value


@pytest.mark.parametrize(
    "change", [{"study__seed": 2}, {"run__precision": "bfloat16"}], ids=["seed", "precision"]
)
def test_trials_that_would_come_to_another_value_are_trained_again(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path = write_study(tmp_path)
    search(path)
    notes = Notes()
    study = load_study(path, study__name="forked", **change)
    study_module.search(study, notes, fork_of=path.stem)
    assert any(
        "0 finished trials still hold, 3 configurations are trained again" in notice
        for notice in notes.notices
    )


def test_a_fork_that_was_killed_is_completed_by_the_next(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    old = search(path)
    killed(path, optuna.Study, "add_trial", after=True, call=2, search=fork)
    fork(path, trials="8")
    origins = [trial.forked_from for trial in forked(path)]
    assert origins == [*range(len(old)), None, None]


def test_a_fork_needs_a_new_name_and_an_old_study(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    with pytest.raises(StorageError, match="there is no study yet"):
        fork(path)
    search(path)
    with pytest.raises(StorageError, match="there is no study 'forked'"):
        forked(path)  # nothing was left behind
    fork(path)
    with pytest.raises(StudyFileError, match=r"there is a study 'forked' in sqlite.* already; .*"):
        fork(path)
    assert len(forked(path)) == 6
    store = Store(load_study(path), create=False)
    assert {trial.state for trial in store.trials()} == {"complete"}
