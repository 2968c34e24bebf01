"""Verdicts on many series: claims err no more often than their corrections say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnsearch.scoring.inference.significance import LEVEL
from rnnsearch.scoring.inference.together import Told, benjamini_hochberg, corrected

chances = st.one_of(st.none(), st.floats(0, 1))
told = st.builds(
    Told, p_information=chances, p_better=chances, p_worse=chances, skill=st.floats(-1, 1)
)


def step_up(p_values: list[float]) -> list[float]:
    """Benjamini & Hochberg 1995, eq. 1, as it is written: the smallest level that rejects each."""
    order, count = np.argsort(p_values, kind="stable"), len(p_values)
    found = np.empty(count)
    for place, index in enumerate(order):
        later = [count * p_values[order[k]] / (k + 1) for k in range(place, count)]
        found[index] = min(1.0, *later)
    return [float(p) for p in found]


@given(st.lists(st.floats(0, 1), max_size=12))
def test_the_list_is_that_of_the_paper(p_values: list[float]) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(step_up(p_values))


@settings(max_examples=20)
@given(st.lists(told, min_size=1, max_size=8))
def test_a_better_series_is_informative_and_no_correction_helps(series: list[Told]) -> None:
    for one, found in zip(series, corrected(series), strict=True):
        assert found.listed_informative >= (one.p_information or 0) - 1e-12
        assert found.holm_informative >= found.listed_informative - 1e-12
        assert found.listed_better >= found.listed_informative - 1e-12
        if found.better:
            assert found.informative
            assert one.p_information is not None
            assert one.p_information < LEVEL
            assert one.p_better is not None
            assert one.p_better < LEVEL
            assert one.skill is not None
            assert one.skill > 0


def test_one_series_is_told_as_it_is_alone() -> None:
    (found,) = corrected([Told(0.01, 0.03, 0.97, 0.02)])
    assert (found.kind, found.listed_better, found.holm_better) == ("better", 0.03, 0.03)


def test_what_one_of_thirty_would_be_called_alone_is_not_called_so_among_them() -> None:
    chance = [Told(p, p, 1 - p, 0.01) for p in np.linspace(0.02, 0.99, 29)]
    found = corrected([Told(0.01, 0.01, 0.99, 0.02), *chance])
    assert {one.kind for one in found} == {"not distinguishable"}


def test_a_test_that_did_not_apply_counts_and_says_so() -> None:
    found = corrected([Told(None, None, None, None), Told(0.03, 0.03, 0.97, 0.1)])
    assert [one.kind for one in found] == ["cannot be told", "not distinguishable"]
    assert found[1].listed_better == pytest.approx(0.06)


def test_thirty_series_without_a_signal_are_claimed_upon_in_five_percent() -> None:
    """Better is informative too, so any claim is one of information."""
    chance = np.random.default_rng(0)
    families = [benjamini_hochberg(list(chance.uniform(size=30))) for _ in range(1000)]
    claims = sum(min(found) < LEVEL for found in families)
    assert 0.03 <= claims / 1000 <= 0.07  # three standard errors
