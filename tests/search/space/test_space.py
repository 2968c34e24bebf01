"""The space: what is drawn lies in it, what has no effect is forgotten, references belong to it."""

import math
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnsearch.config import FloatRange, IntRange, StudyFile, extremes
from rnnsearch.data.inputs.indicators import InputSpec
from rnnsearch.data.inputs.table import ALWAYS, InputTable
from rnnsearch.search.inputs.candidates import Candidates
from rnnsearch.search.space.suggesting import dimension_size, nearest, space_sizes, suggest
from rnnsearch.search.trial.parameters import TrialParameters

SPECS = (
    ALWAYS[0],
    InputSpec("rsi", "momentum", "ratio", 1, ""),
    InputSpec("roc", "momentum", "ratio", 1, ""),
    InputSpec("atr", "volatility", "ratio", 1, ""),
)
TABLE = InputTable(np.zeros((5, len(SPECS)), np.float32), SPECS, 1, "0" * 16)
CANDIDATES = Candidates(TABLE, ("atr", "rsi", "roc"))


def study(seed: int = 0, search: str = "families", **space: Any) -> StudyFile:
    sections = {"study": {"seed": seed, "name": "one"}, "data": {"sample": "sp500"}}
    return StudyFile.model_validate(
        sections | {"space": space, "inputs": {"search": search}}, strict=False
    )


def draw(settings: StudyFile, **fixed: Any) -> TrialParameters:
    """One random trial, some of its values given."""
    sampler = optuna.samplers.RandomSampler(seed=fixed.pop("sampler_seed", 0))
    trials = optuna.create_study(sampler=sampler)
    if fixed:
        trials.enqueue_trial(fixed)
    return suggest(trials.ask(), settings, CANDIDATES)


def contains(dimension: Any, value: Any) -> bool:
    if isinstance(dimension, IntRange | FloatRange):
        steps = (value - dimension.low) / (dimension.step or 1)
        whole = dimension.step is None or abs(steps - round(steps)) < 1e-6
        return bool(dimension.low <= value <= dimension.high and whole)
    return value in extremes(dimension)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_drawn_lies_in_the_space(seed: int) -> None:
    settings = study(window={"low": 5, "high": 50, "step": 5}, layers=[2, 3], neurons=[4, 8])
    drawn = draw(settings, sampler_seed=seed)
    for name in ("cell", "window", "epochs", "batch_size", "learning_rate", "dropout", "scaler"):
        assert contains(getattr(settings.space, name), getattr(drawn, name)), name
    assert len(drawn.neurons) in (2, 3)
    assert len(set(drawn.neurons)) == 1
    assert drawn.inputs[0] == "return"


def test_each_layer_may_have_neurons_of_its_own() -> None:
    settings = study(neurons_per="layer", layers={"low": 1, "high": 3}, neurons=[4, 8, 16])
    drawn = draw(settings, layers=3, neurons_1=4, neurons_2=16, neurons_3=8)
    assert drawn.neurons == (4, 16, 8)
    assert draw(settings, layers=2, neurons_1=4, neurons_2=16, neurons_3=8).neurons == (4, 16)
    assert space_sizes(settings, CANDIDATES)["neurons"] == 27


def test_what_has_no_effect_makes_no_other_trial() -> None:
    settings = study(neurons_per="layer", layers=[1, 2], neurons=[4, 8], dropout=[0.0, 0.3])
    common = {"layers": 1, "neurons_1": 4}
    one = draw(settings, **common, neurons_2=4, dropout=0.0)
    # The random draws of all other parameters are the same: the sampler's seed is.
    other = draw(settings, **common, neurons_2=8, dropout=0.3)
    assert one == other
    assert one.key == other.key
    assert one.seed == other.seed
    assert one.dropout == 0.0


def test_the_key_depends_on_all_that_has_an_effect_and_not_on_the_seed() -> None:
    one = draw(study(seed=0))
    assert draw(study(seed=1)).key == one.key
    assert draw(study(seed=1)).seed != one.seed
    assert draw(study(seed=0), window=7).key != draw(study(seed=0), window=8).key


def test_parameters_travel_as_json_and_come_back() -> None:
    drawn = draw(study())
    assert TrialParameters.from_plain(drawn.plain()) == drawn


def test_a_switch_per_input() -> None:
    settings = study(search="each")
    drawn = draw(settings, **{"input.rsi": True, "input.roc": False, "input.atr": True})
    assert drawn.inputs == ("return", "rsi", "atr")
    assert space_sizes(settings, CANDIDATES)["inputs"] == 8


def test_a_switch_per_family() -> None:
    settings = study(search="families")
    drawn = draw(settings, **{"family.momentum": True, "family.volatility": False})
    assert drawn.inputs == ("return", "rsi", "roc")
    assert space_sizes(settings, CANDIDATES)["inputs"] == 4


def test_all_inputs_without_a_search() -> None:
    assert draw(study(search="all")).inputs == TABLE.names
    assert space_sizes(study(search="all"), CANDIDATES).get("inputs", 1) == 1


@pytest.mark.parametrize(
    ("dimension", "wish", "expected"),
    [
        (5, 9, 5),
        ((1, 4, 9), 6, 4),
        (("gru", "lstm"), "lstm", "lstm"),
        (("gru", "rnn"), "lstm", "gru"),
        (IntRange(low=10, high=25, step=10), 99, 20),
        (IntRange(low=10, high=25, step=10), -math.inf, 10),
        (FloatRange(low=0.0, high=0.5, step=0.3), 0.5, 0.3),
        (FloatRange(low=0.0, high=0.3, step=0.1), 0.3, 0.3),
        (FloatRange(low=1e-4, high=1e-2, log=True), 1.0, 1e-2),
    ],
)
def test_nearest_is_a_value_of_the_dimension(dimension: Any, wish: Any, expected: Any) -> None:
    assert nearest(dimension, wish) == expected


@pytest.mark.parametrize(
    ("dimension", "size"),
    [
        (3, 1),
        ((1, 2), 2),
        (IntRange(low=1, high=10, step=3), 4),
        (FloatRange(low=0.0, high=0.5, step=0.1), 6),
        (FloatRange(low=0.0, high=0.3, step=0.1), 4),
        (FloatRange(low=0.0, high=0.5), math.inf),
        (FloatRange(low=0.5, high=0.5), 1),
    ],
)
def test_the_size_of_a_dimension(dimension: Any, size: float) -> None:
    assert dimension_size(dimension) == size


@given(
    low=st.integers(0, 50), span=st.integers(0, 50), step=st.sampled_from([0.01, 0.05, 0.1, 0.3])
)
def test_a_grid_has_as_many_values_as_its_size_says(low: int, span: int, step: float) -> None:
    dimension = FloatRange(low=low / 100, high=(low + span) / 100, step=step)
    last = nearest(dimension, dimension.high)
    distribution = optuna.distributions.FloatDistribution(dimension.low, last, step=step)
    assert distribution.high == last
    count = round((last - dimension.low) / step) + 1
    assert dimension_size(dimension) == count
    assert last + step > dimension.high + 1e-9 or last == dimension.high
