"""Forecasts of the champion, from the study's prices and from newer ones."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import NoTrialError, StudyFileError
from rnnsearch.search.store.store import Store
from rnnsearch.verdict.evaluation import evaluate
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import (
    Evaluated,
    quiet,
    search_inline,
    write_bars,
)
from tests.helpers.searches import write_study

pytestmark = pytest.mark.slow  # whole searches or commands


def test_predict_says_the_numbers_of_the_evaluation(evaluated: Evaluated) -> None:
    answer = evaluated.answer
    ahead = answer["champion"]["params"]["output_shift"]
    count = answer["test"]["rows"] + ahead  # the last ones have no target yet
    said = predict(evaluated.study, origins=count)
    rows = said["forecasts"][: answer["test"]["rows"]]
    assert [row["target_date"] for row in rows] == answer["dates"]
    price = [row["forecast_price"] for row in rows]
    found = np.log(np.array(price) / np.array(answer["origin_price"]))
    np.testing.assert_allclose(found, answer["forecasts"]["champion"], atol=2e-7)
    held = [
        row["low_price"] <= p * np.exp(a) <= row["high_price"]
        for row, p, a in zip(rows, answer["origin_price"], answer["actual"], strict=True)
    ]
    assert np.mean(held) == pytest.approx(answer["interval"]["share"])
    for side in ("low", "high"):
        found = np.log([row[f"{side}_price"] for row in rows] / np.array(answer["origin_price"]))
        np.testing.assert_allclose(found, answer["interval"][side], atol=2e-6)
    json.dumps(said, allow_nan=False)


def test_newest_inputs_outside_what_training_saw_are_told(home: Path, tmp_path: Path) -> None:
    path = write_bars(tmp_path / "bars.csv")
    data = {"path": "bars.csv", "columns": "none", "predict": "level"}
    study = load_study(write_study(tmp_path, study={"trials": 1}, data=data))
    search_inline(tmp_path / "small.toml")
    evaluate(study, top=1, seeds=1, say=quiet)
    frame = pd.read_csv(path)
    frame.loc[:, ["Open", "High", "Low", "Close"]] *= 1.0
    frame.iloc[-3:, 1:5] *= 9
    frame.to_csv(tmp_path / "newer.csv", index=False)
    said = predict(study, data=tmp_path / "newer.csv")
    (level,) = [one for one in said["outside"] if one["input"] == "level"]
    assert level["value"] > level["high"] > level["low"] > 0
    assert level["value"] == pytest.approx(frame["Close"].tail(3).max(), rel=1e-6)
    (note,) = [note for note in said["notes"] if "outside what training saw" in note]
    assert note.endswith("what it says of the next change is a guess")
    last = said["forecasts"][-1]
    assert last["forecast_price"] == pytest.approx(frame["Close"].iloc[-1], rel=0.1)
    assert last["low_price"] < frame["Close"].iloc[-1] < last["high_price"]
    frame.iloc[:, 1:5] -= 2 * frame["Close"].max()
    frame.to_csv(tmp_path / "negative.csv", index=False)
    rows = predict(study, data=tmp_path / "negative.csv")["forecasts"]
    assert all(row["forecast_return"] is None for row in rows)


def test_predict_before_evaluate_says_so(evaluated: Evaluated) -> None:
    store = Store(evaluated.study, create=False)
    store.note("evaluation", None)
    with pytest.raises(NoTrialError, match="no champion yet; run `rnnsearch evaluate` first"):
        predict(evaluated.study)


def test_predict_refuses_a_study_file_that_has_changed(evaluated: Evaluated) -> None:
    path = write_study(evaluated.path.parent, data={"target": "Spread"})
    with pytest.raises(StudyFileError, match=r"data\.target was 'Close' and is 'Spread'"):
        predict(load_study(path))


def test_predict_takes_newer_rows_and_a_calendar_named_since(evaluated: Evaluated) -> None:
    assert "calendar" in predict(load_study(evaluated.path))["notes"][-1]
    prices = evaluated.path.parent / "prices.csv"
    with prices.open("a") as file:
        file.write("2021-02-24,88.9,0.1,0.2\n2021-02-25,88.5,0.3,0.4\n")
    path = write_study(evaluated.path.parent, data={"calendar": "XNYS"})
    said = predict(load_study(path))
    assert said["forecasts"][-1]["origin_date"] == "2021-02-25"
    assert said["forecasts"][-1]["target_date"] in ("2021-02-26", "2021-03-01")
    (note,) = said["notes"]
    assert "`rnnsearch refit small` trains them on all rows" in note
    shutil.copy(prices, prices.with_name("newer.csv"))
    assert predict(load_study(path), data=prices.with_name("newer.csv")) == said


def test_a_champion_without_joined_inputs_forecasts_where_others_were_joined(
    home: Path, tmp_path: Path
) -> None:
    market = 'close_time = "16:00"\ntime_zone = "America/New_York"\n'
    write_bars(tmp_path / "bars.csv")
    write_bars(tmp_path / "index.csv", seed=6)
    path = write_study(
        tmp_path, study={"trials": 1}, data={"path": "bars.csv"}, inputs={"indicators": ["price"]}
    )
    text = path.read_text().replace("[data]\n", f"[data]\n{market}")
    path.write_text(f'{text}\n[[data.join]]\npath = "index.csv"\nprefix = "index_"\n{market}')
    search_inline(path)  # the first reference has the return alone
    answer = evaluate(load_study(path), top=1, seeds=1, say=quiet)
    assert answer["champion"]["params"]["inputs"] == ["return"]
    assert len(predict(load_study(path), origins=3)["forecasts"]) == 3


def test_prices_with_the_newest_row_first_have_a_champion(home: Path, tmp_path: Path) -> None:
    header, *lines = write_bars(tmp_path / "bars.csv").read_text().splitlines()
    (tmp_path / "bars.csv").write_text("\n".join([header, *reversed(lines)]))
    study = load_study(write_study(tmp_path, study={"trials": 1}, data={"path": "bars.csv"}))
    search_inline(tmp_path / "small.toml")
    evaluate(study, top=1, seeds=1, say=quiet)
    said = predict(study)
    assert len(said["forecasts"]) >= 1
    assert any("newest row is first" in note for note in said["notes"])
