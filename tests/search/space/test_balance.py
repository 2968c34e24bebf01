"""Each choice of a parameter gets its share of the trials."""

from collections import Counter
from pathlib import Path

import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.search.space.balance import least_tried
from tests.helpers.evaluated import search_inline
from tests.helpers.searches import trials_of, write_study

SPACE = {"cell": ["lstm", "gru", "rnn"], "window": [2, 3], "epochs": 1}


def test_the_choice_that_was_tried_least_comes_next() -> None:
    assert least_tried(["a", "b", "c"], []) == "a"
    assert least_tried(["a", "b", "c"], ["b", "a", "a", None]) == "c"
    assert least_tried([0.0, 0.2], [0.0]) == 0.2


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_each_cell_has_its_share_also_after_the_search_went_on(
    tmp_path: Path, home: Path, sampler: str
) -> None:
    settings = {"balance": "cell", "trials": 4, "sampler": sampler}
    path = write_study(tmp_path, study=settings, space=SPACE)
    search_inline(path)
    search_inline(path, "9")
    cells = [str(trial.plain["cell"]) for trial in trials_of(path)]
    assert Counter(cells) == {"lstm": 3, "gru": 3, "rnn": 3}
    assert max(Counter(cells[:4]).values()) - min(Counter(cells[:4]).values()) <= 1


def test_without_it_the_same_study_goes_on_as_it_was(tmp_path: Path, home: Path) -> None:
    plain = load_study(write_study(tmp_path, "plain", space=SPACE))
    told = write_study(tmp_path, "told", space=SPACE, study={"balance": "cell"})
    assert plain.study.balance is None
    assert load_study(told).fingerprint() == plain.fingerprint(), "trials are the same kind"


@pytest.mark.parametrize(
    ("study", "space", "told"),
    [
        ({"balance": "epochs"}, SPACE, r"\[study\] balance: names a parameter .* \(those are "),
        ({"balance": "colour"}, SPACE, "got 'colour'"),
        ({"balance": "cell"}, {"cell": "lstm"}, "one of several choices"),
        ({"balance": "cell", "sampler": "grid"}, SPACE, "leave it out"),
        ({"balance": "neurons"}, {"neurons_per": "layer"}, "got 'neurons'"),
    ],
)
def test_what_cannot_be_balanced_is_refused(
    tmp_path: Path, study: dict[str, object], space: dict[str, object], told: str
) -> None:
    with pytest.raises(StudyFileError, match=told):
        load_study(write_study(tmp_path, study=study, space=space))
