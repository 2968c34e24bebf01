"""Columns of words become a column of 0 and 1 for each word."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import DataSection, load_study
from rnnsearch.data.prices.categories import MOST_NAMED
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import DataError
from rnnsearch.prepare.draft import init
from rnnsearch.search.problem import Problem
from rnnsearch.verdict.evaluation import evaluate
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import quiet, search_inline
from tests.helpers.searches import write_study
from tests.helpers.series import bars, read, told

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]
WORDS = np.array(["bear", "bull", "flat"])


def with_regime(rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return bars(rows).assign(regime=WORDS[np.cumsum(rng.random(rows) < 0.2) % 3])


def test_each_word_has_a_column_in_the_order_in_which_they_appear(tmp_path: Path) -> None:
    frame = with_regime()
    prices = read(tmp_path, frame)
    assert prices.extras == ("regime_bear", "regime_bull", "regime_flat")
    for word in WORDS:
        expected = (frame["regime"] == word).astype(float).tolist()
        assert prices.frame[f"regime_{word}"].tolist() == expected
    assert "column 'regime' has words: regime_bear, regime_bull, regime_flat" in told(prices)
    named = read(tmp_path, frame, columns=("regime",))
    assert named.extras == prices.extras


def test_parquet_with_categories_says_the_same(tmp_path: Path) -> None:
    frame = with_regime()
    text = read(tmp_path, frame)
    frame.astype({"regime": "category"}).to_parquet(tmp_path / "prices.parquet")
    assert read_prices(DataSection(path=tmp_path / "prices.parquet")).hash == text.hash


def test_a_row_without_a_word_is_zero_in_all_and_told(tmp_path: Path) -> None:
    frame = with_regime()
    frame.iloc[[4, 9], 5] = None
    prices = read(tmp_path, frame)
    assert prices.frame.iloc[4, 5:].tolist() == [0, 0, 0]
    assert "2 rows have none and are 0 in all" in told(prices)


@pytest.mark.parametrize(
    "words",
    [
        [f"remark {n}" for n in range(300)],
        ["ABC"] * 300,
        ["ABC"] * 150 + ["XYZ"] * 150,  # parts of the file, not states
    ],
)
def test_remarks_and_labels_are_no_inputs(tmp_path: Path, words: list[str]) -> None:
    prices = read(tmp_path, bars().assign(note=words))
    assert prices.extras == ()
    assert "'note' is not numeric and is ignored" in told(prices)


def test_a_named_column_of_too_many_words_is_refused_with_the_way(tmp_path: Path) -> None:
    frame = bars().assign(note=[f"remark {n}" for n in range(300)])
    with pytest.raises(DataError, match=f"a word of at most {MOST_NAMED} different ones, but"):
        read(tmp_path, frame, columns=("note",))


def test_a_later_word_adds_a_column_and_changes_no_earlier_value(tmp_path: Path) -> None:
    frame = with_regime()
    before = read(tmp_path, frame).frame
    frame.iloc[250:, 5] = "crash"
    after = read(tmp_path, frame).frame
    pd.testing.assert_frame_equal(before[:250], after[before.columns][:250])
    assert list(after.columns) == [*before.columns, "regime_crash"]


def test_a_word_that_no_training_row_has_is_in_no_trial(tmp_path: Path) -> None:
    frame = with_regime()
    frame.iloc[290:, 5] = "crash"
    frame.to_csv(tmp_path / "bars.csv")
    path = write_study(tmp_path, data={"path": "bars.csv"})
    candidates = Problem.load(load_study(path)).candidates
    assert "regime_bear" in candidates.names
    assert "regime_crash" not in candidates.names
    assert candidates.useless["regime_crash"] is None  # constant on the training rows


def test_init_names_the_column_and_not_its_words(tmp_path: Path) -> None:
    with_regime().to_csv(tmp_path / "bars.csv")
    draft = init(tmp_path / "bars.csv", tmp_path / "bars.toml")
    assert load_study(draft.path).data.columns == ("regime",)


def test_a_champion_takes_rows_with_fewer_words_and_tells_new_ones(tmp_path: Path) -> None:
    frame = with_regime(420)
    frame[:400].to_csv(tmp_path / "bars.csv")
    data = {"path": "bars.csv", "columns": ["regime"]}
    inputs = {"search": "all"}
    study = load_study(write_study(tmp_path, study={"trials": 1}, data=data, inputs=inputs))
    search_inline(tmp_path / "small.toml")
    answer = evaluate(study, top=1, seeds=1, say=quiet)
    assert "regime_bear" in answer["champion"]["params"]["inputs"]
    frame.iloc[415:, 5] = "crash"
    frame.to_csv(tmp_path / "newer.csv")
    said = predict(study, data=tmp_path / "newer.csv")
    assert any("regime is 'crash' in 5 rows since 2021-08-04" in note for note in said["notes"])
    frame.assign(regime="bear").tail(100).to_csv(tmp_path / "few.csv")
    assert predict(study, data=tmp_path / "few.csv")["forecasts"]
