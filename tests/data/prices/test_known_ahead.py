"""Columns known before their date: read, refused, and aligned to the target at any shift."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from rnnsearch.config import load_study
from rnnsearch.data.inputs.build import build_inputs
from rnnsearch.data.markets.calendars import session_dates
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.model.training import windows
from rnnsearch.model.windows import shift_columns
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.folds import TrialData, prepare_fold, select_inputs
from rnnsearch.search.trial.parameters import TrialParameters
from tests.helpers.evaluated import PARAMETERS
from tests.helpers.planted_ahead import planted, write_planted
from tests.helpers.series import read, told

pytestmark = pytest.mark.usefixtures("home")

EVENT = {"known_ahead": ["event"]}


# --- the file


def test_rows_past_the_last_price_are_sessions_to_come(tmp_path: Path) -> None:
    frame = planted(300, coming=4)
    prices = read(tmp_path, frame, **EVENT)
    assert len(prices.dates) == 300
    assert prices.ahead == ("event",)
    assert prices.coming is not None
    assert list(prices.coming_dates) == list(frame.index[300:])
    assert prices.coming["event"].tolist() == frame["event"].iloc[300:].tolist()
    assert not prices.warnings
    plain = read(tmp_path, frame.iloc[:300], **EVENT)
    assert plain.coming is None
    assert plain.hash == prices.hash, "no trial depends on what is still to come"


def test_the_newest_row_may_be_first(tmp_path: Path) -> None:
    frame = planted(300, coming=3)
    assert read(tmp_path, frame[::-1], **EVENT).coming_dates.equals(frame.index[300:])


def test_words_are_known_ahead_too(tmp_path: Path) -> None:
    names = {-1: "CPI", 0: "", 1: "FOMC"}
    frame = planted(300, coming=4)
    frame["event"] = frame["event"].map(names)
    frame.loc[frame.index[-2:], "event"] = ["CPI", "NFP"]
    prices = read(tmp_path, frame, **EVENT)
    assert sorted(prices.ahead) == ["event_CPI", "event_FOMC"]
    assert prices.coming is not None
    assert prices.coming["event_CPI"].tolist()[-2:] == [1, 0]
    assert "event is 'NFP' in row 304" in told(prices)


def test_a_gap_is_filled_where_the_study_says_so_and_nowhere_else(tmp_path: Path) -> None:
    frame = planted(300, coming=4)
    frame["event"] = frame["event"].astype(float)
    frame.loc[frame.index[-2], "event"] = np.nan
    coming = read(tmp_path, frame, **EVENT).coming
    assert coming is not None
    assert coming["event"].isna().tolist() == [False, False, True, False]
    coming = read(tmp_path, frame, fill="forward", **EVENT).coming
    assert coming is not None
    assert coming["event"].iloc[2] == coming["event"].iloc[1]


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("soon", "event must be a number, but row 303"),
        (1e35, "event must lie within"),
        (np.inf, "event must be a number, but row 303"),
    ],
)
def test_a_value_to_come_that_is_none_is_refused(tmp_path: Path, value: Any, rule: str) -> None:
    frame = planted(300, coming=4).astype({"event": object})
    frame.loc[frame.index[302], "event"] = value
    with pytest.raises(DataError, match=rule):
        read(tmp_path, frame, **EVENT)


def test_a_partly_empty_last_bar_is_no_session_to_come(tmp_path: Path) -> None:
    frame = planted(300, coming=1)
    frame.loc[frame.index[-1], "Open"] = 80.0
    with pytest.raises(DataError, match="High must be there in every row, but row 301"):
        read(tmp_path, frame, **EVENT)


def test_without_the_key_the_file_is_refused_and_the_advice_can_be_taken(tmp_path: Path) -> None:
    frame = planted(300, coming=4)
    with pytest.raises(DataError, match="is missing") as refused:
        read(tmp_path, frame)
    advice = re.search(r"known_ahead = \[\"(\w+)\"\]", str(refused.value))
    assert advice is not None
    assert read(tmp_path, frame, known_ahead=[advice[1]]).ahead == ("event",)
    dropped = read(tmp_path, frame, missing="drop")
    assert 'known_ahead = ["event"]' in told(dropped)


def test_a_session_that_the_rows_to_come_skip_is_told_or_refused(tmp_path: Path) -> None:
    frame = planted(300, coming=6)
    skipped = frame.drop(frame.index[301])
    assert f"have none for {frame.index[301]:%Y-%m-%d}, " in told(read(tmp_path, skipped, **EVENT))
    only_events = frame.drop(frame.index[301:305])
    with pytest.raises(DataError, match=r"add a row for every session between") as refused:
        read(tmp_path, only_events, **EVENT)
    assert f"after {frame.index[300]:%Y-%m-%d} comes {frame.index[305]:%Y-%m-%d}" in str(
        refused.value
    )


def test_a_calendar_that_is_named_tells_which_sessions_there_are(tmp_path: Path) -> None:
    sessions = session_dates("XTAI", pd.Timestamp("2023-03-01"), pd.Timestamp("2024-03-01"))
    frame = planted(len(sessions) - 8, coming=8).set_axis(sessions).rename_axis("Date")
    before = int(sessions.searchsorted(pd.Timestamp("2024-02-06")))
    frame.iloc[before:, :6] = np.nan  # the next session comes after the nine days of New Year
    frame = frame.iloc[: before + 3]
    prices = read(tmp_path, frame, calendar="XTAI", **EVENT)
    assert list(prices.coming_dates) == list(frame.index[before:])
    assert not prices.warnings
    with pytest.raises(DataError, match="further than any two sessions before lie apart"):
        read(tmp_path, frame, **EVENT)


def test_other_columns_with_values_to_come_are_told(tmp_path: Path) -> None:
    frame = planted(300, coming=2)
    frame["breadth"] = frame["breadth"].fillna(0.5)
    assert "breadth have values in the rows past the last price" in told(
        read(tmp_path, frame, **EVENT)
    )


# --- what may be known ahead


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("evnt", "there is no column 'evnt' (set by known_ahead); did you mean event?"),
        ("open", "known_ahead: Open is a price, known when the session is over"),
        ("Volume", "known_ahead: Volume is of a session, known when"),
        ("AdjClose", "known_ahead: Adj Close is of a session, known when"),
    ],
)
def test_a_name_that_cannot_be_known_ahead_is_refused(tmp_path: Path, name: str, rule: str) -> None:
    frame = planted(300)
    with pytest.raises(DataError) as refused:
        read(tmp_path, frame.assign(**{"Adj Close": frame["Close"]}), known_ahead=[name])
    assert rule in str(refused.value)


def test_the_target_is_not_known_ahead(tmp_path: Path) -> None:
    path = write_planted(tmp_path, planted(300), data={"known_ahead": ["close"]})
    with pytest.raises(StudyFileError, match="nobody knows it ahead"):
        load_study(path)
    path = write_planted(tmp_path, planted(300), data={"target": "Schluss"})
    renamed = planted(300).rename(columns={"Close": "Schluss"}).assign(event=0)
    renamed.to_csv(tmp_path / "planted.csv")
    path.write_text(path.read_text().replace('["event"]', '["Close"]'))
    with pytest.raises(DataError, match="known_ahead: Close is the target"):
        read_prices(load_study(path).data)


PRICES_AGAIN = {
    "a copy": lambda f: f["Close"],
    "another unit": lambda f: 100 * f["Close"] + 3,
    "the move": lambda f: np.log(f["Close"]).diff(),
    "tomorrow's move": lambda f: np.log(f["Close"]).diff().shift(-1).fillna(0),
    "a mean": lambda f: f["Close"].rolling(15).mean().round(2),
    "the range": lambda f: f["High"] - f["Low"],
    "an adjusted close": lambda f: f["Close"] * np.where(np.arange(len(f)) < 150, 0.97, 1.0),
}


@pytest.mark.parametrize("made", PRICES_AGAIN.values(), ids=PRICES_AGAIN.keys())
def test_what_is_made_of_prices_is_refused(tmp_path: Path, made: Any) -> None:
    frame = planted(400)
    with pytest.raises(DataError, match=r"leave (signal|it) out of known_ahead"):
        read(tmp_path, frame.assign(signal=made(frame)), known_ahead=["signal"])


CALENDAR = {
    "weekday": lambda f: f.index.day_of_week,
    "month": lambda f: f.index.month,
    "days on": lambda f: np.arange(len(f)),
    "an expiry": lambda f: (
        ((f.index.day_of_week == 4) & (f.index.day > 14) & (f.index.day < 22)) * 1
    ),
    "none yet": lambda f: np.zeros(len(f)),
    "a wave": lambda f: np.sin(np.arange(len(f)) / 20),
    "chance": lambda f: np.random.default_rng(0).normal(size=len(f)),
}


@pytest.mark.parametrize("made", CALENDAR.values(), ids=CALENDAR.keys())
def test_what_a_calendar_says_is_accepted(tmp_path: Path, made: Any) -> None:
    frame = planted(400)
    trending = frame.assign(Close=80 * np.exp(np.arange(400) / 300) + frame["event"] * 0.01)
    for prices in (frame, trending.drop(columns=["Open", "High", "Low"])):
        one = read(tmp_path, prices.assign(signal=made(prices)), known_ahead=["signal"])
        assert one.ahead == ("signal",)


def test_columns_must_name_what_is_known_ahead(tmp_path: Path) -> None:
    path = write_planted(tmp_path, planted(300), data={"columns": ["breadth"]})
    with pytest.raises(StudyFileError, match=r"\[data\] known_ahead: 'event' is an input that"):
        load_study(path)
    path = write_planted(tmp_path, planted(300), data={"columns": ["Event", "breadth"]})
    assert read_prices(load_study(path).data).extras == ("breadth", "event")


def test_a_key_of_another_name_is_told_where_it_belongs(tmp_path: Path) -> None:
    path = write_planted(tmp_path, planted(300), inputs={"future": ["event"]})
    with pytest.raises(StudyFileError, match=r"known_ahead belongs under \[data\]"):
        load_study(path)


def test_a_study_that_does_not_use_the_key_is_the_study_it_was(tmp_path: Path) -> None:
    plain = load_study(write_planted(tmp_path, planted(300), data={"known_ahead": None}))
    assert "known_ahead" not in plain.fingerprint()["data"]
    known = load_study(write_planted(tmp_path, planted(300)))
    assert known.fingerprint()["data"]["known_ahead"] == ["event"]
    hashes = [build_inputs(read_prices(s.data), s, None).hash for s in (plain, known)]
    assert hashes[0] != hashes[1]


def test_trials_of_a_study_without_the_key_are_not_taken_over(tmp_path: Path) -> None:
    known = Problem.load(load_study(write_planted(tmp_path, planted(300))))
    again = Problem.load(load_study(write_planted(tmp_path, planted(300, coming=3))))
    other = write_planted(tmp_path, planted(300), name="plain", data={"known_ahead": None})
    plain = Problem.load(load_study(other))
    marks = [problem.data_record()["scored_on"] for problem in (known, again, plain)]
    assert marks[0] == marks[1] != marks[2], "an event is another input then"


# --- windows


def test_a_lead_takes_later_rows_and_none_from_beyond_the_table() -> None:
    values = np.arange(20_000, dtype=np.float32)[:, None] * [1.0, 10.0]
    moved = shift_columns(values, [2, 0], [0, 1], [0, 3])
    assert moved[100].tolist() == [98, 1030]
    assert np.isnan(moved[:2, 0]).all()
    assert np.isnan(moved[-3:, 1]).all()
    assert moved[8_191].tolist() == [8_189, 81_940], "blocks do not matter"
    assert moved[-4, 1] == 199_990
    with pytest.raises(ValueError, match="a lead must be 0 or more"):
        shift_columns(values, [0, 0], [0, 1], [0, -1])


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("shift", [0, 2, {"price": 1, "column": 2}])
def test_a_window_ends_with_the_value_of_the_target_s_date(
    tmp_path: Path, horizon: int, shift: int | dict[str, int]
) -> None:
    frame = planted(300)
    space = {"input_shift": [0, 1, 2], "output_shift": [1, 3]}
    problem = Problem.load(load_study(write_planted(tmp_path, frame, space=space)))
    data = TrialData(problem.table, problem.prices.quotes, problem.split, "log_return")
    parameters = TrialParameters.from_plain(
        PARAMETERS
        | {"inputs": ["return", "breadth", "event"], "output_shift": horizon, "window": 4}
        | {"input_shift": shift}
    )
    cpu = torch.device("cpu")
    fold, table = problem.split.folds[0], select_inputs(parameters, data, cpu)
    tensors = prepare_fold(fold, parameters, data, cpu).tensors
    x = windows(table, tensors.train_ends, 4, tensors.scale, tensors.offset)
    delays = (shift, shift) if isinstance(shift, int) else (1, 2)
    for place, name, ends in (
        (1, "breadth", fold.train - horizon - delays[1]),
        (2, "event", fold.train),
    ):
        rows = ends[:, None] + np.arange(-3, 1)
        column = frame[name].to_numpy()
        spread = column[fold.history]
        wanted = (column - spread.mean()) / spread.std()
        assert np.allclose(x[:, :, place].numpy(), wanted[rows], atol=1e-4), name


def test_every_trial_has_the_target_dates_that_it_has_without(tmp_path: Path) -> None:
    space = {"input_shift": [0, 2], "output_shift": [1, 3], "window": [2, 7]}
    known = Problem.load(load_study(write_planted(tmp_path, planted(300, coming=5), space=space)))
    other = write_planted(tmp_path, planted(300), space=space, data={"known_ahead": None})
    plain = Problem.load(load_study(other))
    assert known.split.first == plain.split.first
    for one, two in zip(known.split.folds, plain.split.folds, strict=True):
        assert (one.train == two.train).all()
        assert (one.validation == two.validation).all()
        assert one.history == two.history
    assert (known.split.test == plain.split.test).all()


# --- what is learnt on training rows


def later(frame: pd.DataFrame, first: int, columns: list[str], seed: int = 9) -> pd.DataFrame:
    """The frame with other values of some columns from row `first` on."""
    rng, changed = np.random.default_rng(seed), frame.copy()
    for name in columns:
        values = changed[name].to_numpy(dtype=float, copy=True)
        values[first:] = rng.permutation(values[first:]) + (name != "event") * 0.01
        changed[name] = values
    return changed


def learnt(folder: Path, frame: pd.DataFrame, scaler: str) -> Any:
    """Ranking, what is left out, and the scaler of the first fold."""
    space = {"input_shift": [1, 2], "output_shift": [1, 3], "window": [2, 5]}
    path = write_planted(folder, frame, space=space, inputs={"search": "ranked"})
    problem = Problem.load(load_study(path))
    fold = problem.split.folds[0]
    data = TrialData(problem.table, problem.prices.quotes, problem.split, "log_return")
    inputs = {"inputs": ["return", "breadth", "event"], "scaler": scaler, "output_shift": 3}
    parameters = TrialParameters.from_plain(PARAMETERS | inputs)
    prepared = prepare_fold(fold, parameters, data, torch.device("cpu"))
    scaled = prepared.scaler.scale.tolist(), prepared.scaler.offset.tolist()
    return problem.candidates.record(), scaled, int(fold.train[-1])


@pytest.mark.parametrize("scaler", ["standard", "minmax", "robust"])
def test_rankings_and_scalers_see_no_value_after_the_last_training_target(
    tmp_path: Path, scaler: str
) -> None:
    frame = planted(400)
    record, scaled, last = learnt(tmp_path / "a", frame, scaler)
    (event,) = (one for one in record if one["input"] == "event")
    assert (event["rank"], event["lags"]) == (1, [0, 0])
    changed = later(frame, last + 1, ["Open", "Close", "High", "Low", "breadth", "event"])
    changed["High"], changed["Low"] = changed["High"] + 40, changed["Low"] - 40
    changed.iloc[: last + 1] = frame.iloc[: last + 1]
    assert learnt(tmp_path / "b", changed, scaler)[:2] == (record, scaled)
    within = frame.copy()
    within.loc[within.index[last], "event"] += 5
    if scaler != "robust":
        assert learnt(tmp_path / "c", within, scaler)[1] != scaled, "the last row counts"


@pytest.mark.parametrize("search", ["each", "families", "all"])
def test_a_column_that_says_nothing_yet_is_in_no_trial(tmp_path: Path, search: str) -> None:
    frame = planted(400)
    frame.loc[frame.index[:300], "event"] = 0
    path = write_planted(tmp_path, frame, inputs={"search": search})
    assert "event" not in Problem.load(load_study(path)).candidates.names
