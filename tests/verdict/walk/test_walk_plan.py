"""What each refit of a walk learns from: rows known by then, as many as the study file says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.search.problem import Problem
from rnnsearch.verdict import walk as walks
from tests.helpers.searches import write_study

EVERY = 13


def planned(folder: Path, **keys: Any) -> tuple[Problem, walks.Plan]:
    path = write_study(folder, evaluate={"refit_every": EVERY} | keys)
    problem = Problem.load(load_study(path))
    plan = walks.planned(problem)
    assert plan is not None
    return problem, plan


def test_a_study_that_says_nothing_has_one_fit(home: Path, tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path))
    assert walks.planned(Problem.load(study)) is None
    assert walks.asked(study) is None


def test_the_first_refit_is_the_one_fit_and_each_later_one_knows_as_many_rows_more(
    home: Path, tmp_path: Path
) -> None:
    problem, plan = planned(tmp_path)
    split, furthest = problem.split, 2  # the largest output shift of the study
    first = plan.folds[0]
    np.testing.assert_array_equal(first.train, split.refit.train)
    assert first.history == split.refit.history
    told = np.concatenate([fold.validation for fold in plan.folds])
    np.testing.assert_array_equal(told, split.test)
    for number, fold in enumerate(plan.folds):
        assert fold.train[0] == split.first
        assert fold.train[-1] == split.refit.train[-1] + number * EVERY
        assert fold.train[-1] == fold.validation[0] - furthest, "known at the first origin"
        assert fold.history.stop == fold.train[-1] + 1
        assert len(fold.validation) == EVERY or number == len(plan.folds) - 1


@pytest.mark.parametrize(("window", "rows"), [("rolling", None), (70, 70), (100_000, "all")])
def test_a_window_keeps_the_newest_rows(
    home: Path, tmp_path: Path, window: str | int, rows: Any
) -> None:
    problem, plan = planned(tmp_path, refit_window=window)
    once = problem.split.refit
    for number, fold in enumerate(plan.folds):
        all_known = len(once.train) + number * EVERY
        expected = {None: len(once.train), "all": all_known}.get(rows, rows)
        assert len(fold.train) == expected
        assert fold.train[-1] == once.train[-1] + number * EVERY
        assert fold.train[0] - fold.history.start == once.train[0] - once.history.start
    words = plan.rows_in_words
    assert words == f"the newest {len(plan.folds[-1].train):,} rows known then"


def test_a_walk_without_a_second_fit_is_refused_with_the_way_out(
    home: Path, tmp_path: Path
) -> None:
    path = write_study(tmp_path, evaluate={"refit_every": 500})
    problem = Problem.load(load_study(path))
    rows = len(problem.split.test)
    with pytest.raises(StudyFileError, match=rf"\[evaluate\] refit_every: .* has {rows} sessions"):
        walks.planned(problem)
    path.write_text(path.read_text().replace("refit_every = 500", f"refit_every = {rows - 1}"))
    assert walks.planned(Problem.load(load_study(path))) is not None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("refit_every", -1),
        ("refit_every", 1.5),
        ("refit_window", 49),
        ("refit_window", "growing"),
        ("refit_start", "hot"),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(tmp_path: Path, key: str, value: Any) -> None:
    path = write_study(tmp_path, evaluate={key: value})
    with pytest.raises(StudyFileError, match=rf"\[evaluate\] {key}"):
        load_study(path)


def test_a_walk_does_not_make_a_study_another(tmp_path: Path) -> None:
    plain = load_study(write_study(tmp_path)).fingerprint()
    walked = write_study(tmp_path, evaluate={"refit_every": 21, "refit_start": "warm"})
    assert load_study(walked).fingerprint() == plain
