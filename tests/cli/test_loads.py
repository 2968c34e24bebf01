"""A command reads its prices once, and makes its inputs of them once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnsearch.config import StudyFile
from rnnsearch.search.problem import Problem
from tests.helpers.evaluated import Evaluated
from tests.helpers.searches import write_study

pytestmark = pytest.mark.slow  # whole searches or commands

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The studies whose problem was loaded, one by one."""
    loaded: list[str] = []
    load = Problem.load

    def counted(study: StudyFile, **how: Any) -> Problem:
        loaded.append(study.name)
        return load(study, **how)

    monkeypatch.setattr(Problem, "load", counted)
    return loaded


def test_a_search_and_its_images_and_a_sync_load_the_problem_once_each(
    tmp_path: Path, home: Path, rnnsearch: Command, loads: list[str]
) -> None:
    path = write_study(tmp_path)
    code, _, err = rnnsearch("search", path, "--trials", "2")
    assert (code, loads) == (0, ["small"]), err
    code, _, err = rnnsearch("sync", path)
    assert (code, loads) == (0, ["small"] * 2), err


@pytest.mark.parametrize("again", [[], ["--again", "--top", "1", "--seeds", "1"]])
def test_an_evaluation_loads_the_problem_once(
    evaluated: Evaluated, rnnsearch: Command, loads: list[str], again: list[str]
) -> None:
    code, _, err = rnnsearch("evaluate", evaluated.path, *again)
    assert (code, loads) == (0, ["small"]), err


def test_a_report_loads_the_problem_once_and_a_prediction_never(
    evaluated: Evaluated, rnnsearch: Command, loads: list[str]
) -> None:
    code, _, err = rnnsearch("report", evaluated.path)
    assert (code, loads) == (0, ["small"]), err
    code, _, err = rnnsearch("predict", evaluated.path)
    assert (code, loads) == (0, ["small"]), err


def test_a_wrong_number_of_trials_is_told_before_anything_is_read(
    tmp_path: Path, home: Path, rnnsearch: Command, loads: list[str]
) -> None:
    code, _, err = rnnsearch("search", write_study(tmp_path), "--trials", "many")
    assert (code, loads) == (2, [])
    assert "--trials: a number from 1 on" in err
