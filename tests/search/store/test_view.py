"""A trial as it is read from the store, and where its facts have their names."""

from pathlib import Path

import pytest
from optuna.trial import TrialState, create_trial

import rnnsearch
from rnnsearch.search.store.view import Told, TrialView, best_first, trained

ROOT = Path(rnnsearch.__file__).parent
STORE = ROOT / "search" / "store"


def view(number: int, value: float | None, **attributes: object) -> TrialView:
    trial = create_trial(
        state=TrialState.FAIL if value is None else TrialState.COMPLETE,
        value=value,
        user_attrs=attributes,
    )
    trial.number = number
    return TrialView(trial)


def test_only_the_store_names_what_optuna_keeps_of_a_trial_or_a_study() -> None:
    texts = {
        path: path.read_text(encoding="utf-8")
        for path in ROOT.rglob("*.py")
        if not path.is_relative_to(STORE)
    }
    for word in ("user_attr", "TrialState", "create_trial", "store.study"):
        assert not [str(path) for path, text in texts.items() if word in text], word
    named = [path.name for path in STORE.glob("*.py") if "user_attrs" in path.read_text("utf-8")]
    # `cached` is a storage of Optuna's; `store` reads those of the study.
    assert sorted(named) == ["cached.py", "store.py", "view.py"]


def test_a_trial_of_before_there_were_gains_is_read_by_its_skill() -> None:
    old = view(3, 0.02, record={"history": {"skill": [0.01, 0.02]}, "metrics": {}})
    assert (old.state, old.skill, old.gain) == ("complete", 0.02, 0.02)
    assert list(old.gains) == [0.01, 0.02]
    renamed = view(4, 0.02, record={"metrics": {"always_up_accuracy": 0.5, "skill": 0.03}})
    assert renamed.skill == 0.03
    assert "always_up" in renamed.metrics


def test_a_complete_trial_without_its_metrics_is_an_error_and_a_failed_one_is_not() -> None:
    with pytest.raises(KeyError):
        view(0, 0.1).metrics  # noqa: B018
    failed = view(1, None, reason="diverged")
    assert (failed.state, failed.reason, failed.metrics) == ("failed", "diverged", {})
    assert view(2, None, reason="interrupted").state == "interrupted"


def test_duplicates_are_left_out_and_of_equal_trials_the_earlier_is_first() -> None:
    trials = [
        view(0, 0.1),
        view(1, 0.2),
        view(2, 0.2),
        view(3, 0.2, duplicate_of=1),
        view(4, None, reason="diverged"),
    ]
    assert [trial.number for trial in best_first(trained(trials))] == [1, 2, 0]


def test_a_copy_names_the_trial_that_was_trained_and_not_a_copy_of_it() -> None:
    first = view(1, 0.2, record={"metrics": {"skill": 0.2}}, forecasts="packed")
    copied = Told.like(first)
    assert copied.attributes["duplicate_of"] == 1
    assert (copied.state, copied.value) == ("complete", 0.2)
    again = Told.like(view(5, 0.2, **copied.attributes))
    assert again.attributes == copied.attributes
