"""What is held: rules, sides and tranches."""

from typing import get_args

import numpy as np
import pytest

from rnnsearch.config.sections import TradeSection
from rnnsearch.scoring.trading.account import ENTRIES
from rnnsearch.scoring.trading.positions import RULES, SIDES, Said, tranches

SAID = Said(
    moves=np.array([[0.01], [-0.02], [0.0], [0.0005]]),
    usual=np.array([0.01, 0.01, 0.02, 0.02]),
    charges=(0.001, 0.015),
)


def test_what_the_study_file_may_say_is_what_there_is():
    fields = TradeSection.model_fields
    assert set(get_args(fields["position"].annotation)) == {*RULES, "none"}
    assert set(get_args(fields["sides"].annotation)) == set(SIDES)
    assert set(get_args(fields["entry"].annotation)) == set(ENTRIES)


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("sign", [1, -1, 0, 1]),
        # Strengths 1, -2, 0, 0.025; their mean sizes so far 1, 1.5, 1, 0.75625.
        ("scaled", [0.5, -2 / 3, 0, 0.025 / 1.5125]),
        ("costs", [1, -1, 0, 0]),
    ],
)
def test_each_rule_says_what_a_forecast_wants(rule, wanted):
    assert RULES[rule].wanted(SAID)[:, 0] == pytest.approx(wanted)


def test_a_fall_has_to_exceed_what_borrowing_costs_too():
    said = Said(np.array([[-0.012]]), np.ones(1), (0.001, 0.015))
    assert RULES["costs"].wanted(said)[0, 0] == 0


def test_forecasts_that_say_nothing_hold_nothing():
    nothing = Said(np.zeros((3, 1)), np.ones(3), (0, 0))
    for rule in RULES.values():
        assert not rule.wanted(nothing).any()


def test_a_tranche_is_held_to_its_target_and_overlaps_the_others():
    held = tranches(np.array([[1.0], [1.0], [-1.0], [0.0]]), 3)
    assert held[:, 0] == pytest.approx([1 / 3, 2 / 3, 1 / 3, 0, -1 / 3, 0])
    assert (tranches(np.ones((5, 2)), 1) == 1).all()


def test_what_is_wanted_later_changes_nothing_before():
    rng = np.random.default_rng(1)
    moves, usual = rng.normal(0, 0.01, (50, 2)), rng.uniform(0.01, 0.02, 50)
    other_moves, other_usual = moves.copy(), usual.copy()
    other_moves[30:] *= -7
    other_usual[30:] *= 3
    for rule in RULES.values():
        one, other = (
            tranches(rule.wanted(Said(*said, (0.001, 0.001))), 5)
            for said in ((moves, usual), (other_moves, other_usual))
        )
        assert (one[:30] == other[:30]).all()
        assert (one[30:] != other[30:]).any()
