"""References: trials of the study's own space, to be tried before anything is sampled."""

from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnsearch.search.inputs.candidates import Candidates
from rnnsearch.search.inputs.ranking import InputEvidence, Ranking
from rnnsearch.search.space.references import references
from rnnsearch.search.space.suggesting import suggest
from tests.search.space.test_space import CANDIDATES, TABLE, study


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


INTS = st.tuples(st.integers(1, 12), st.integers(0, 20), st.integers(1, 7)).map(
    lambda t: {"low": t[0], "high": t[0] + t[1], "step": t[2]}
)
INT_DIMENSIONS = st.integers(1, 12) | st.lists(st.integers(1, 12), min_size=1, unique=True) | INTS
FOUND = st.builds(
    lambda column, first, more: InputEvidence(column, 9.0, first, first + more),
    st.integers(1, 3),
    st.integers(1, 12),
    st.integers(0, 5),
)
FLOATS = st.tuples(
    st.integers(0, 8), st.integers(0, 8), st.sampled_from([None, 0.01, 0.03, 0.1])
).map(lambda t: {"low": t[0] / 20, "high": (t[0] + t[1]) / 20} | ({"step": t[2]} if t[2] else {}))


def candidates(*found: InputEvidence) -> Candidates:
    """Those of the table, the found ones first."""
    first = [finding.column for finding in found]
    others = [*TABLE.columns(CANDIDATES.names).tolist(), 0]
    rest = [InputEvidence(column, 0.0) for column in others if column not in first]
    return Candidates.ranked(TABLE, Ranking((*found, *rest), len(found), 100, 0.0))


@given(
    window=INT_DIMENSIONS,
    layers=st.integers(1, 4) | st.just([1, 3]) | st.just({"low": 2, "high": 4}),
    neurons=INT_DIMENSIONS,
    output_shift=INT_DIMENSIONS,
    dropout=FLOATS,
    cell=st.lists(st.sampled_from(["rnn", "gru", "bilstm"]), min_size=1, unique=True),
    neurons_per=st.sampled_from(["network", "layer"]),
    input_shift=st.integers(0, 9) | st.lists(st.integers(0, 9), min_size=1, unique=True) | INTS,
    input_shift_per=st.sampled_from(["trial", "family"]),
    search=st.sampled_from(["each", "families", "all", "ranked"]),
    found=st.lists(FOUND, max_size=3, unique_by=lambda finding: finding.column),
)
def test_references_lie_in_any_space_and_are_run_as_they_are(
    search: str, found: list[InputEvidence], **space: Any
) -> None:
    settings = study(search=search, **space)
    for name, values in references(settings, candidates(*found)).items():
        trials = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        trials.enqueue_trial(values)
        trial = trials.ask()
        drawn = suggest(trial, settings, candidates(*found))
        for parameter, value in trial.params.items():
            assert values[parameter] == value
            assert trial.distributions[parameter]._contains(
                trial.distributions[parameter].to_internal_repr(value)
            )
        assert set(values) >= set(trial.params)
        if name == "all inputs":
            assert drawn.inputs == TABLE.names


SPACE = {"window": {"low": 2, "high": 10}, "input_shift": {"low": 0, "high": 4}}
ATR, RSI, ROC = 3, 1, 2  # columns of TABLE


def where_they_act(*found: InputEvidence, **space: Any) -> dict[str, Any]:
    settings = study(search="ranked", **SPACE | space)
    (name, values), *_ = reversed(references(settings, candidates(*found)).items())
    inputs = f"{len(found)} inputs" if len(found) > 1 else "input"
    assert name == f"the {inputs} found, where they act"
    return values


def test_found_inputs_are_tried_over_the_sessions_in_which_they_act_alone() -> None:
    values = where_they_act(InputEvidence(ATR, 9.0, 3, 3), InputEvidence(RSI, 8.0, 4, 6))
    assert (values["input_shift"], values["window"], values["input_count"]) == (2, 4, 2)


def test_each_family_is_shifted_to_where_its_own_inputs_act() -> None:
    found = (
        InputEvidence(ATR, 9.0, 3, 3),
        InputEvidence(RSI, 8.0, 1, 4),
        InputEvidence(ROC, 7.0, 2, 2),
    )
    values = where_they_act(*found, input_shift_per="family")
    assert values["input_shift.volatility"] == 2  # ATR 3 sessions later
    assert values["input_shift.momentum"] == 0  # RSI 1 to 4, ROC 2 sessions later
    assert values["window"] == 4


def test_no_shift_hides_a_session_in_which_an_input_acts() -> None:
    values = where_they_act(InputEvidence(ATR, 9.0, 3, 3), input_shift=[1, 3])
    assert (values["input_shift"], values["window"]) == (1, 2)


def test_without_a_find_there_is_no_such_trial() -> None:
    names = list(references(study(search="ranked", **SPACE), candidates()))
    assert names == ["close only", "all inputs"]
