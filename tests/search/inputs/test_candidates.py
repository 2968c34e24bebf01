"""Inputs to choose from: useless ones are left out of every mode of the search, and it is told."""

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.data.inputs.indicators import InputSpec
from rnnsearch.data.inputs.table import ALWAYS, InputTable
from rnnsearch.search.inputs.candidates import Candidates, describe
from rnnsearch.search.inputs.ranking import rank_inputs
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.suggesting import space_sizes, suggest
from tests.helpers.planted import plant
from tests.search.inputs.test_ranking import LAGS

STUDY = """
[data]
path = "prices.csv"

[inputs]
indicators = "none"
search = "{search}"
"""
MODES = ["ranked", "each", "families", "all"]


def problem(folder: Path, search: str, **columns: Any) -> Problem:
    frame = plant(rows=1000, candidates=4, seed=3).frame
    frame.assign(**columns).to_csv(folder / "prices.csv", index=False)
    (folder / "one.toml").write_text(STUDY.format(search=search))
    return Problem.load(load_study(folder / "one.toml"))


@pytest.fixture
def copied(tmp_path: Path, home: Path, request: pytest.FixtureRequest) -> Problem:
    """A planted file with the copy of a column and a constant, until after the training rows."""
    still = np.full(1000, 2.5)
    still[700:] = 1.0

    def copy(frame: pd.DataFrame) -> pd.Series:
        return frame["x01"].where(frame.index < 900, 0.0)

    return problem(tmp_path, request.param, copy=copy, still=still)


@pytest.mark.parametrize("copied", MODES, indirect=True)
def test_what_repeats_another_input_or_never_moves_is_in_no_trial(copied: Problem) -> None:
    candidates = copied.candidates
    assert set(candidates.names) == {"x00", "x01", "x02", "x03"}
    trials = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [suggest(trials.ask(), copied.study, candidates) for _ in range(20)]
    assert not {"copy", "still"} & {name for each in drawn for name in each.inputs}
    assert not [name for t in trials.trials for name in t.params if "copy" in name]
    notes = list(describe(candidates.record()))
    assert notes[-2:] == [
        "left out, constant on the training rows: still",
        "left out, repeating another input on the training rows: copy (of x01)",
    ]


@pytest.mark.parametrize("copied", ["ranked"], indirect=True)
def test_a_grid_counts_the_inputs_that_can_be_chosen(copied: Problem) -> None:
    assert space_sizes(copied.study, copied.candidates)["inputs"] == 2 * 4


def test_a_family_of_which_nothing_is_left_has_no_switch(tmp_path: Path, home: Path) -> None:
    settings = problem(tmp_path, "families", Volume=np.arange(1000) * 0 + 7)
    families = settings.candidates.families
    assert "column" in families
    assert "price" not in families


def test_what_a_ranking_found_is_told_in_words() -> None:
    planted = plant(rows=1300, delay=1, seed=21)
    u, v, w = planted.truth
    specs = [ALWAYS[0], *(InputSpec(name, "column", "raw", 0, "") for name in planted.inputs)]
    returns = np.diff(np.log(planted.close), prepend=np.log(planted.close[0]))
    values = np.column_stack([returns, planted.values]).astype(np.float32)
    ranking = rank_inputs(values, planted.close, np.arange(100, 1200), lags=LAGS)
    table = InputTable(values, tuple(specs), 1, "0" * 16)
    candidates = Candidates.ranked(table, ranking)
    (note,) = describe(candidates.record())
    assert note.startswith("ranking on training rows: ")
    assert set(note.removeprefix("ranking on training rows: ").split("; ")) == {
        f"{u} acts 1 session later",
        f"{v} acts 1 session later, together with {w}",
        f"{w} acts 1 session later, together with {v}",
    }
    first = candidates.record()[0]
    assert first["rank"] == 1
    assert first["family"] == "column"
    assert {finding.column for finding in candidates.found} == {
        1 + column for column in planted.true_columns
    }


def test_a_ranking_that_finds_nothing_says_so() -> None:
    inputs = [{"input": name, "family": "trend", "rank": 1, "evidence": 0.5} for name in "ab"]
    assert list(describe(inputs)) == [
        "ranking on training rows: none of 2 inputs tells more about the next moves than chance "
        "would"
    ]


def test_a_long_list_is_cut() -> None:
    inputs = [{"input": f"x{n}", "family": "column", "constant": True} for n in range(11)]
    (note,) = describe(inputs)
    assert note.endswith("x6, x7 and 3 more")
