"""The answer for a path, in its forms."""

import pytest

from rnnsearch.scoring.inference.information import Information
from rnnsearch.scoring.inference.significance import DieboldMariano
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.path_sentences import PathVerdict, StepTests, path_verdict


def step(ahead: int, p_information: float, p_better: float, skill: float) -> StepTests:
    return StepTests(
        ahead,
        Information(1.0, p_information, 0.5, 500, ahead),
        DieboldMariano(-1.0, p_better, 2 * min(p_better, 1 - p_better), 3, 500),
        skill,
    )


def told(*steps: StepTests, skill: float = 0.01) -> PathVerdict:
    about = {"rows": 500, "first": "2020-01-01", "last": "2021-12-31"}
    return path_verdict(steps, skill=skill, **about, trials=20, opening=1)


def test_each_question_is_corrected_over_the_steps_as_holm_does_it() -> None:
    found = told(step(1, 0.001, 0.002, 0.05), step(2, 0.02, 0.5, 0.01), step(3, 0.9, 0.9, -0.01))
    assert [one.p_information for one in found.steps] == pytest.approx(
        [3 * 1.25 * 0.001, 2 * 1.25 * 0.02, 1.0]
    )
    assert found.p_information == pytest.approx(3 * 1.25 * 0.001)
    assert [one.informative for one in found.steps] == [True, False, False]
    assert [one.better for one in found.steps] == [True, False, False]


def test_a_path_that_is_better_says_at_which_steps() -> None:
    steps = [step(ahead, 1e-5, 1e-4, 0.03) for ahead in (1, 2, 3)]
    found = told(*steps, step(4, 0.6, 0.6, -0.001), step(5, 1e-5, 1e-4, 0.02))
    assert found.better
    assert found.informative
    assert found.sentence.startswith(
        "Better than doing nothing 1 to 3 and 5 sessions ahead: on 500"
    )
    assert "locked paths of 5 sessions from 2020-01-01 to 2021-12-31" in found.sentence
    assert "corrected over the steps (Holm), after 20 trials; first opening" in found.sentence


def test_information_without_accuracy_is_said_so() -> None:
    found = told(step(1, 0.001, 0.3, 0.001), step(2, 0.4, 0.4, 0.0), skill=0.0005)
    assert (found.informative, found.better) == (True, False)
    assert found.sentence.startswith("Informative, but not yet more accurate than doing nothing:")
    assert "information about what came 1 session ahead (least p = 0.003" in found.sentence


def test_chance_is_not_told_from_nothing_and_worse_is_worse() -> None:
    found = told(step(1, 0.2, 0.2, 0.001), step(2, 0.4, 0.4, -0.01))
    assert found.sentence.startswith("Not distinguishable from doing nothing: on 500")
    found = told(step(1, 0.9, 0.9, -0.01), step(2, 0.9, 0.9999, -0.2), skill=-0.1)
    assert found.sentence.startswith("Worse than doing nothing 2 sessions ahead:")
    assert "10 % above that of doing nothing" in found.sentence


def test_a_step_whose_test_does_not_apply_is_not_counted() -> None:
    none = StepTests(2, Skipped("too few rows"), Skipped("too few rows"), 0.1)
    found = told(step(1, 0.03, 0.03, 0.02), none)
    assert found.steps[0].p_information == pytest.approx(1.25 * 0.03)
    assert found.steps[1].p is None
    found = told(none, none)
    assert found.sentence.startswith("Cannot be told: on 500")
    assert "too few rows" in found.sentence
