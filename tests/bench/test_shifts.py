"""A study finds how far a signal has to be shifted: the output by its delay, or the inputs."""

from pathlib import Path
from typing import Any

import pytest

from rnnsearch.config import load_study
from rnnsearch.search import searching as search_study
from rnnsearch.search.store.view import best_first, trained
from tests.helpers.planted import plant
from tests.helpers.searches import Notes, write_study

DELAY = 3


@pytest.fixture
def best_parameters(tmp_path: Path, home: Path) -> Any:
    """Searches a file whose true inputs act DELAY sessions later, with windows of one session."""
    planted = plant(rows=700, candidates=4, delay=DELAY, kind="linear", attainable_r2=0.6, seed=2)
    planted.frame.to_csv(tmp_path / "prices.csv", index=False)

    def search(**space: Any) -> dict[str, Any]:
        fixed = {
            "cell": "lstm",
            "neurons": 8,
            "window": 1,
            "epochs": 8,
            "batch_size": 32,
            "learning_rate": 0.03,
        }
        path = write_study(
            tmp_path,
            study={"trials": 9, "sampler": "grid", "references": False},
            space=fixed | space,
            inputs={"search": "all"},
        )
        store = search_study.search(load_study(path), Notes())
        best, *_ = best_first(trained(store.trials()))
        parameters = best.plain
        shifts = {key: parameters[key] for key in ("input_shift", "output_shift")}
        assert best.gain is not None
        assert best.gain > 0.3 * planted.attainable_skill(window=1, **shifts)
        return parameters

    return search


@pytest.mark.slow
def test_a_delayed_signal_is_found_at_its_output_shift(best_parameters: Any) -> None:
    found = best_parameters(input_shift=0, output_shift={"low": 1, "high": 5})
    assert found["output_shift"] == DELAY


@pytest.mark.slow
def test_a_signal_that_is_due_next_session_is_found_at_its_input_shift(
    best_parameters: Any,
) -> None:
    found = best_parameters(input_shift={"low": 0, "high": 4}, output_shift=1)
    assert found["input_shift"] == DELAY - 1
