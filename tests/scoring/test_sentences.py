"""The answer in one sentence: which of four, and what each opening costs."""

import pytest

from rnnsearch.scoring.inference.information import Information
from rnnsearch.scoring.inference.significance import DieboldMariano
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.sentences import Verdict, charge, opened, verdict

# The verdict


def said(p_better, skill, p_information=0.001, opening=1, trials=100, **more):
    test = DieboldMariano(-1.0, p_better, 2 * min(p_better, 1 - p_better), 10, 985)
    found = Information(2.0, p_information, 1.0, 985, 1)
    return verdict(
        found, test, skill=skill, hardest="no change", rows=985, first="2015-02-03",
        last="2018-12-31", trials=trials, opening=opening, **more,
    )  # fmt: skip


def test_the_verdict_is_one_plain_sentence():
    assert said(0.0123, 0.021) == Verdict(
        True,
        True,
        0.015375,
        0.00125,
        "Better than doing nothing: on 985 locked sessions from 2015-02-03 to 2018-12-31 the "
        "champion's error is 2.1 % below that of no change (p = 0.015, Diebold–Mariano), and the "
        "forecasts carry information about what came (p = 0.001, Clark–West), after 100 trials; "
        "first opening of the test, so p is multiplied by 1.25.",
    )


@pytest.mark.parametrize(
    ("p", "skill", "p_information", "opening", "answer", "words"),
    [
        (0.0001, 0.123, 0.01, 1, "Better than", "12 % below that of no change (p < 0.001,"),
        (0.03, 0.02, 0.01, 1, "Better than", "(p = 0.037, Diebold–Mariano)"),
        (0.03, 0.02, 0.2, 1, "Not distinguishable", "no information in the forecasts"),
        (0.3, 0.0004, 0.01, 1, "Informative, but not yet", "0.04 % below that of no change"),
        (0.97, -0.01, 0.01, 1, "Informative, but not yet", "1 % above that of no change"),
        (0.03, 0.02, 0.001, 2, "Informative, but not yet", "second opening of the test, so p is "
         "multiplied by 10."),
        (0.03, 0.02, 0.01, 3, "Not distinguishable", "third opening of the test, so p is "
         "multiplied by 20."),
        (0.7, -0.01, 0.5, 2, "Not distinguishable", "1 % above that of no change (p = 1.000,"),
        (0.97, -0.01, 0.5, 1, "Worse than", "above that of no change (p = 0.038 for worse,"),
        (0.97, -0.01, 0.5, 2, "Not distinguishable", "(p = 1.000, Diebold–Mariano)"),
        (1.0, 0.0, 0.5, 1, "Not distinguishable", "is the same as that of no change"),
        (0.01, 0.02, 0.01, 12, "Not distinguishable", "12th opening of the test"),
    ],
)  # fmt: skip
def test_the_verdict_weighs_information_skill_chance_and_openings(
    p, skill, p_information, opening, answer, words
):
    found = said(p, skill, p_information, opening)
    assert found.sentence.startswith(answer)
    assert found.better is (answer == "Better than")
    assert found.informative is (answer in ("Better than", "Informative, but not yet"))
    assert words in found.sentence


def test_a_verdict_without_a_test_says_so():
    missing = Skipped("needs 20 rows, has 12")
    result = verdict(
        missing, missing, skill=0.9, hardest="no change", rows=12, first="Mon", last="Tue",
        trials=1, opening=1,
    )  # fmt: skip
    assert (result.better, result.informative, result.p, result.p_information) == (
        False, False, None, None,
    )  # fmt: skip
    assert result.sentence == (
        "Cannot be told: on 12 locked sessions from Mon to Tue the champion's error cannot be "
        "judged: needs 20 rows, has 12, after 1 trial; first opening of the test, so p is "
        "multiplied by 1.25."
    )


def test_however_often_a_test_is_opened_the_charges_add_up_to_the_level():
    assert sum(0.05 / charge(opening) for opening in range(1, 60)) <= 0.05 * (1 + 1e-12)
    with pytest.raises(ValueError, match="from 1"):
        charge(0)


@pytest.mark.parametrize(
    ("opening", "told"),
    [
        (11, "11th opening of the test, so p is multiplied by 5,120"),
        (21, "21st opening of the test, so p is multiplied by more than a million"),
        (22, "22nd opening"),
        (33, "33rd opening"),
        (112, "112th opening"),
    ],
)
def test_a_later_opening_is_counted_as_english_counts(opening: int, told: str) -> None:
    assert opened(opening, ()).startswith(told)
