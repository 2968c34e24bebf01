"""Forecasts that use what is known ahead: found by a search, dated, refused where it lacks."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import DataSection, load_study
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import DataError
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.prepare.canary import check_columns
from rnnsearch.prepare.preview import check
from rnnsearch.publish.pyfunc import ServedForecaster
from rnnsearch.verdict.evaluation import evaluate
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import fit_forecaster, quiet, search_inline
from tests.helpers.planted_ahead import planted, write_planted
from tests.helpers.searches import trials_of
from tests.prepare.test_canary import script

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]

INPUTS = ["return", "breadth", "event"]
PRICES = ["Open", "High", "Low", "Close", "Volume", "breadth"]
SAID = ["forecast_return", "forecast_price", "low_price", "high_price"]
LEARNING = {
    "cell": "gru",
    "neurons": 8,
    "window": [3, 6],
    "epochs": 20,
    "batch_size": 32,
    "learning_rate": 1e-2,
}


def read(folder: Path, frame: pd.DataFrame, **data: Any) -> Prices:
    frame.to_csv(folder / "other.csv")
    section = {"known_ahead": ["event"]} | data
    return read_prices(DataSection(path=folder / "other.csv", **section))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_planted(tmp_path, planted(300), space={"output_shift": [1, 2, 3]})


# --- no look-ahead, and no more than is known ahead


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("input_shift", [0, 2])
def test_a_forecast_changes_with_no_later_price_and_no_event_after_its_target(
    tmp_path: Path, horizon: int, input_shift: int
) -> None:
    frame = planted(300, coming=5)
    path = write_planted(
        tmp_path, frame, space={"input_shift": [0, 2], "output_shift": [1, 2, 3], "window": [2, 4]}
    )
    _, forecaster = fit_forecaster(
        path, inputs=INPUTS, output_shift=horizon, input_shift=input_shift, window=3
    )
    origin = 285
    count = 300 - origin

    def said(changed: pd.DataFrame) -> list[float]:
        row = forecaster.forecast(read(tmp_path, changed), origins=count).iloc[0]
        assert row["origin_date"] == frame.index[origin]
        assert row["target_date"] == frame.index[origin + horizon]
        return [float(row[name]) for name in SAID]

    whole = said(frame)
    other = frame.copy()
    other.iloc[origin + 1 : 300, :5] *= 1.7
    other.loc[other.index[origin + 1 : 300], "breadth"] = -9.0
    assert said(other) == whole
    later = frame.copy()
    later.loc[later.index[origin + horizon + 1 :], "event"] = 3
    assert said(later) == whole
    for row in (origin + horizon, origin + horizon - 2):
        known = frame.copy()
        known.loc[known.index[row], "event"] += 2
        assert said(known) != whole, "the window ends at the target and has three sessions"
    before = frame.copy()
    before.loc[before.index[origin + horizon - 3], "event"] += 2
    assert said(before)[:2] == whole[:2], "what was before the window moves the interval alone"


def test_weights_know_no_event_after_the_last_training_target(tmp_path: Path, study: Path) -> None:
    problem, forecaster = fit_forecaster(study, inputs=INPUTS, output_shift=3)
    frame = planted(300)
    last = int(problem.split.refit.train[-1])
    frame.loc[frame.index[last + 1] :, "event"] = 1
    write_planted(tmp_path, frame, space={"output_shift": [1, 2, 3]})
    _, other = fit_forecaster(study, inputs=INPUTS, output_shift=3)
    for mine, theirs in zip(forecaster.networks, other.networks, strict=True):
        for name, weights in mine.state_dict().items():
            assert weights.equal(theirs.state_dict()[name]), name
    assert forecaster.scaler.scale.tolist() == other.scaler.scale.tolist()


# --- predict, a saved champion, a server


def test_the_newest_forecasts_use_the_rows_past_the_last_price(tmp_path: Path, study: Path) -> None:
    _, forecaster = fit_forecaster(study, inputs=INPUTS, output_shift=3)
    forecaster.save(tmp_path / "champion")
    loaded = Forecaster.load(tmp_path / "champion")
    assert loaded.spec == forecaster.spec
    frame = planted(300, coming=4)
    said = loaded.forecast(read(tmp_path, frame))
    assert list(said["target_date"]) == list(frame.index[300:303])
    assert said.notna().all(axis=None)
    # The same origins, when their prices have come: only the intervals have learnt from them.
    later = loaded.forecast(read(tmp_path, planted(304, coming=3)), origins=7).iloc[:3]
    assert later.iloc[:, :5].equals(said.iloc[:, :5])


@pytest.mark.parametrize(
    ("coming", "gap", "rule"),
    [
        (0, None, r"in 3 rows past the last price of 2021-02-23, but the file has none; add a row"),
        (2, None, r"in 3 rows past the last price of 2021-02-23, but the file has 2; add a row"),
        (4, 301, r"but the row of 2021-02-25 has no value; add a row"),
    ],
)
def test_a_forecast_without_what_is_known_ahead_is_refused(
    tmp_path: Path, study: Path, coming: int, gap: int | None, rule: str
) -> None:
    _, forecaster = fit_forecaster(study, inputs=INPUTS, output_shift=3)
    frame = planted(300, coming=coming).astype({"event": float})
    if gap is not None:
        frame.loc[frame.index[gap], "event"] = np.nan
    with pytest.raises(DataError, match=rule):
        forecaster.forecast(read(tmp_path, frame))
    if not coming:  # the advice
        assert len(forecaster.forecast(read(tmp_path, planted(300, coming=3)))) == 3


def test_a_champion_without_use_for_them_needs_neither_column_nor_rows(
    tmp_path: Path, study: Path
) -> None:
    _, forecaster = fit_forecaster(study, inputs=["return"], output_shift=2)
    section = forecaster.data_section(tmp_path / "other.csv")
    planted(300).drop(columns="event").to_csv(tmp_path / "other.csv")
    bare = forecaster.forecast(read_prices(section))
    assert bare["target_date"].isna().all()
    frame = planted(300, coming=2)
    frame.to_csv(tmp_path / "other.csv")
    dated = forecaster.forecast(read_prices(section))
    assert list(dated["target_date"]) == list(frame.index[300:]), "a row names its session"
    assert dated[SAID].equals(bare[SAID])


def test_rows_to_come_and_a_calendar_must_agree(tmp_path: Path) -> None:
    frame = planted(300, coming=3)
    path = write_planted(tmp_path, frame, data={"calendar": "XWAR"}, space={"output_shift": [1, 3]})
    problem, forecaster = fit_forecaster(path, inputs=INPUTS, output_shift=1)
    assert forecaster.forecast(problem.prices)["target_date"].tolist() == [frame.index[300]]
    skipped = frame.drop(frame.index[300])
    with pytest.raises(DataError, match=r"next session of calendar = 'XWAR' is 2021-02-24; add"):
        forecaster.forecast(read(tmp_path, skipped))
    moved = frame.rename(index={frame.index[-1]: frame.index[299] + pd.Timedelta(days=4)})
    moved = moved.sort_index()
    assert moved.index[302].day_of_week == 5
    _, other = fit_forecaster(path, inputs=INPUTS, output_shift=3)
    with pytest.raises(DataError, match=r"the row after 2021-02-25 is 2021-02-27.*add a row"):
        other.forecast(read(tmp_path, moved))


def test_a_server_takes_the_rows_to_come(tmp_path: Path, study: Path) -> None:
    _, forecaster = fit_forecaster(study, inputs=INPUTS, output_shift=2)
    frame = planted(300, coming=2)
    expected = forecaster.forecast(read(tmp_path, frame))
    request = frame.reset_index().astype({"Date": str})
    served = ServedForecaster(forecaster).predict(request)
    np.testing.assert_array_equal(served["forecast_price"], expected["forecast_price"])
    assert served["target_date"].tolist() == [f"{day:%Y-%m-%d}" for day in frame.index[300:]]
    records = pd.DataFrame(request.astype(object).where(request.notna(), None).to_dict("records"))
    again = ServedForecaster(forecaster).predict(records)
    np.testing.assert_array_equal(again["forecast_price"], expected["forecast_price"])
    with pytest.raises(Exception, match="request: a forecast needs event, which is known ahead"):
        ServedForecaster(forecaster).predict(request.iloc[:300])


def test_an_event_unlike_all_in_training_is_told(tmp_path: Path, study: Path) -> None:
    _, forecaster = fit_forecaster(study, inputs=INPUTS, output_shift=2)
    frame = planted(300, coming=2)
    frame.loc[frame.index[-1], "event"] = 40
    (fact,) = (
        fact
        for fact in forecaster.outside(forecaster.table(read(tmp_path, frame)))
        if fact["input"] == "event"
    )
    assert fact == {"input": "event", "value": 40.0, "low": -1.0, "high": 1.0}


def test_words_that_are_known_ahead_are_forecast_with(tmp_path: Path) -> None:
    frame = planted(300, coming=2)
    frame["event"] = frame["event"].map({-1: "CPI", 0: "", 1: "FOMC"})
    path = write_planted(tmp_path, frame)
    problem, forecaster = fit_forecaster(path, inputs=["return", "event_CPI"], output_shift=2)
    assert forecaster.spec.known_ahead == ("event_CPI",)
    assert forecaster.spec.data["columns"] == ["event"]
    whole = forecaster.forecast(problem.prices)["forecast_price"]
    frame.loc[frame.index[-1], "event"] = "FOMC" if frame["event"].iloc[-1] == "CPI" else "CPI"
    changed = forecaster.forecast(read(tmp_path, frame, columns=["event"]))["forecast_price"]
    assert (whole != changed).tolist() == [False, True]
    frame.loc[frame.index[:300], "event"] = ""
    frame.loc[frame.index[:150:3], "event"] = "FOMC"
    assert forecaster.forecast(read(tmp_path, frame, columns=["event"])).notna().all(axis=None)


# --- a whole study


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_search_finds_the_event_and_the_champion_forecasts_with_it(
    tmp_path: Path, horizon: int
) -> None:
    path = write_planted(
        tmp_path,
        planted(500, coming=3),
        study={"trials": 4},
        space=LEARNING | {"output_shift": horizon},
        inputs={"search": "ranked"},
    )
    search_inline(path)
    trials = trials_of(path)
    best = max(trials, key=lambda trial: trial.value or -1)
    assert "event" in best.inputs
    assert (best.skill or 0) > 0.25
    without = [t for t in trials if "event" not in t.inputs]
    assert without
    assert all((trial.value or 0) < 0.05 for trial in without)
    study = load_study(path)
    answer = evaluate(study, top=1, seeds=1, say=quiet)
    assert answer["table"][0]["skill"] > 0.25
    said = predict(study)
    dates = [row["target_date"] for row in said["forecasts"]]
    frame = planted(500, coming=3)
    assert dates == [f"{day:%Y-%m-%d}" for day in frame.index[500 : 500 + horizon]]
    newer = planted(500, coming=horizon - 1).drop(columns="Volume")
    newer.to_csv(tmp_path / "newer.csv")
    with pytest.raises(DataError, match=rf"newer\.csv: a forecast needs event.* {horizon} row"):
        predict(study, data=tmp_path / "newer.csv")
    frame.drop(columns="Volume").to_csv(tmp_path / "newer.csv")
    assert predict(study, data=tmp_path / "newer.csv")["forecasts"] == said["forecasts"]
    search_inline(path, trials="+1")
    frame.iloc[:501].to_csv(tmp_path / "planted.csv")
    search_inline(path, trials="+1")
    assert len(trials_of(path)) == 6, "rows to come may come and go"


def test_check_says_what_is_known_ahead(tmp_path: Path) -> None:
    path = write_planted(tmp_path, planted(300, coming=4), space={"output_shift": [1, 2]})
    facts = check(load_study(path)).facts
    wanted = "known ahead: event, with the value at the target's date; 4 rows past the last price, "
    assert any(fact.startswith(f"{wanted}to 2021-03-01") for fact in facts)
    planted(300).to_csv(tmp_path / "planted.csv")
    facts = check(load_study(path)).facts
    assert any(
        "no row past the last price yet, of which a forecast needs up to 2" in f for f in facts
    )


def test_init_reads_rows_past_the_last_price_and_offers_the_key(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rnnsearch: Callable[..., tuple[int, str, str]],
) -> None:
    monkeypatch.chdir(tmp_path)
    planted(400, coming=4).to_csv(tmp_path / "mine.csv")
    code, out, _ = rnnsearch("init", tmp_path / "mine.csv")
    text = (tmp_path / "mine.toml").read_text()
    assert code == 0
    assert 'known_ahead = ["event"]' in re.sub(r"\s+", " ", out)
    (line,) = (line for line in text.splitlines() if "known_ahead" in line)
    assert line.startswith('# known_ahead = ["event"]')
    (tmp_path / "mine.toml").write_text(text.replace(line, line.removeprefix("# ")))
    prices = read_prices(load_study(tmp_path / "mine.toml").data)
    assert (prices.ahead, len(prices.coming_dates)) == (("event",), 4)


# --- the canary

WRITE = "for row, one in zip(rows, made): row['"


def test_the_canary_lets_what_is_known_ahead_look_ahead_in_itself_alone(tmp_path: Path) -> None:
    frame = planted(300).assign(soon=np.arange(300) % 7)
    path = write_planted(tmp_path, frame, data={"known_ahead": ["event", "soon"]})
    study = load_study(path)
    own = script(tmp_path, f"made = [row['event'] for row in rows[1:]] + [0]\n{WRITE}soon'] = one")
    said = check_columns(study, own)
    assert "event, soon may look ahead, but not at prices (known_ahead)" in said
    prices = script(tmp_path, f"made = close[1:] + [0]\n{WRITE}soon'] = one")
    with pytest.raises(DataError, match=r"column 'soon' \(known_ahead\) looks ahead at prices"):
        check_columns(study, prices)
    other = script(
        tmp_path, f"made = [row['event'] for row in rows[1:]] + [0]\n{WRITE}later'] = one"
    )
    with pytest.raises(DataError, match="column 'later' looks ahead"):
        check_columns(study, other)
