"""A fitted model on disk and at work: same numbers, no look-ahead, honest about odd data."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from rnnsearch.config import load_study
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import DataError, StorageError
from rnnsearch.model.forecasting.bands import Moves
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.forecasting.spec import read_spec
from rnnsearch.scoring.intervals import conformal_radius
from rnnsearch.search.problem import Problem
from rnnsearch.verdict import refit as refit_module
from rnnsearch.verdict.refit import refit
from tests.helpers.evaluated import BARS, fit_forecaster, fitted, quiet, write_bars
from tests.helpers.searches import write_study


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "runs"))


INPUTS = ["return", "open_close", "momentum_rsi", "volume_obv", "Breadth"]


@pytest.fixture
def folder(tmp_path: Path, bars: Path) -> Path:
    """A saved forecaster."""
    _, forecaster = fit_forecaster(bars, inputs=INPUTS)
    forecaster.save(tmp_path / "champion")
    return tmp_path / "champion"


def read(path: Path, frame: pd.DataFrame, **data: Any) -> Prices:
    """A frame as a study reads it."""
    frame.to_csv(path, index=False)
    name = f"study-{path.stem}"
    return read_prices(
        load_study(write_study(path.parent, name, data={"path": path.name} | data)).data
    )


# --- on disk


@pytest.mark.parametrize("predict", ["log_return", "level", "direction"])
@pytest.mark.parametrize(("cell", "neurons"), [("gru", [3]), ("bilstm", [3, 2])])
def test_a_loaded_forecaster_forecasts_exactly_what_the_saved_one_did(
    tmp_path: Path, cell: str, neurons: list[int], predict: str
) -> None:
    path = write_study(tmp_path, data={"predict": predict})
    inputs = ["return", "level", "Spread"] if predict == "level" else ["return", "Spread"]
    problem, forecaster = fit_forecaster(
        path, cell=cell, neurons=neurons, dropout=0.2, inputs=inputs
    )
    forecaster.save(tmp_path / "champion")
    loaded = Forecaster.load(tmp_path / "champion")
    assert loaded.spec == forecaster.spec == read_spec(tmp_path / "champion")
    first = forecaster.forecast(problem.prices, origins=20)
    pd.testing.assert_frame_equal(
        loaded.forecast(problem.prices, origins=20), first, rtol=0, atol=0
    )
    assert first.drop(columns="target_date").notna().all(axis=None)
    assert loaded.notes(problem.prices) == []


def test_the_folder_holds_safetensors_and_json_and_no_pickle(folder: Path) -> None:
    assert {file.name for file in folder.iterdir()} == {"forecaster.json", "weights.safetensors"}
    weights = (folder / "weights.safetensors").read_bytes()
    header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
    assert {"network.0.head.weight", "scaler.scale", "history.target"} <= header.keys()
    about = json.loads((folder / "forecaster.json").read_text())
    assert about["inputs"] == INPUTS


def _truncate(folder: Path) -> None:
    file = folder / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def _flip_a_bit(folder: Path) -> None:
    file = folder / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)


def _edit(**changes: Any) -> Any:
    def edit(folder: Path) -> None:
        file = folder / "forecaster.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return edit


def _foreign(folder: Path) -> None:
    (folder / "forecaster.json").write_text('["not", "ours"]')


def _pickle(folder: Path) -> None:
    torch.save({"network.0.head.weight": torch.zeros(1)}, folder / "weights.safetensors")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_truncate, "is not the file that forecaster.json describes"),
        (_flip_a_bit, "is not the file that forecaster.json describes"),
        (_pickle, "is not the file that forecaster.json describes"),
        (lambda f: (f / "weights.safetensors").unlink(), "No such file"),
        (lambda f: (f / "forecaster.json").unlink(), "No such file"),
        (lambda f: (f / "forecaster.json").write_text("{"), "JSONDecodeError"),
        (_foreign, "does not say its format"),
        (_edit(format=7), "its format is 7, and this version reads 1"),
        (_edit(neurons=[5]), "size mismatch|Error"),
        (_edit(inputs=["return"]), "do not go together"),
        (_edit(seeds=[1, 2, 3]), "Missing key|Error"),
        (_edit(seeds=[]), "do not go together"),
        (_edit(window="wide"), "window: Input should be a valid integer"),
        (_edit(predict="weather"), "predict: Value error, should be"),
        (_edit(surprise=1), "surprise: "),
    ],
)
def test_a_damaged_or_foreign_folder_is_refused(folder: Path, damage: Any, reason: str) -> None:
    damage(folder)
    with pytest.raises(StorageError, match=reason) as error:
        Forecaster.load(folder)
    assert "run `rnnsearch evaluate`" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_weights_of_another_forecaster_are_refused(folder: Path, bars: Path) -> None:
    # Same sizes: only the checksum tells them apart, as after a crash between the two files.
    _, other = fit_forecaster(bars, inputs=INPUTS, seed=4)
    other.save(folder.with_name("other"))
    shutil.copy(folder.with_name("other") / "weights.safetensors", folder)
    with pytest.raises(StorageError, match="is not the file that"):
        Forecaster.load(folder)


def test_a_folder_that_cannot_be_written_is_said_with_a_remedy(tmp_path: Path, bars: Path) -> None:
    _, forecaster = fit_forecaster(bars)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match=r"cannot be written: .*RNNSEARCH_HOME"):
        forecaster.save(tmp_path / "taken")


# --- forecasts


@pytest.mark.parametrize("input_shift", [0, 2])
def test_changing_the_future_changes_no_forecast(
    tmp_path: Path, bars: Path, input_shift: int
) -> None:
    problem, forecaster = fit_forecaster(bars, inputs=INPUTS, input_shift=input_shift)
    frame = problem.prices.frame.reset_index()
    whole = forecaster.forecast(problem.prices, origins=40).set_index("origin_date")
    cut = len(frame) - 15  # rows from here on become others
    other = frame.copy()
    other.loc[cut:, ["Open", "High", "Low", "Close", "Volume"]] *= 3.0
    other.loc[cut:, "Breadth"] = -9.0
    after = forecaster.forecast(read(tmp_path / "other.csv", other), origins=40)
    short = forecaster.forecast(read(tmp_path / "short.csv", frame[:cut]), origins=25)
    known = list(frame["Date"][cut - 25 : cut])
    columns = ["forecast_return", "forecast_price", "low_price", "high_price"]
    expected = whole.loc[known, columns].to_numpy()
    np.testing.assert_array_equal(
        after.set_index("origin_date").loc[known, columns].to_numpy(), expected
    )
    np.testing.assert_allclose(short[columns].to_numpy(), expected, rtol=1e-6)
    unknown = after.set_index("origin_date").iloc[-12:]["forecast_price"]
    assert (unknown != whole.iloc[-12:]["forecast_price"]).all()


def test_changing_the_test_rows_changes_no_weight_scaler_or_interval(
    tmp_path: Path, bars: Path
) -> None:
    problem, forecaster = fit_forecaster(bars, inputs=INPUTS)
    frame = problem.prices.frame.reset_index()
    first_origin = int(problem.split.test[0]) - 2  # of the longest output shift
    frame.loc[first_origin + 1 :, ["Open", "High", "Low", "Close", "Volume", "Breadth"]] *= 2.0
    frame.to_csv(tmp_path / "bars.csv", index=False)
    _, other = fit_forecaster(bars, inputs=INPUTS)
    for mine, theirs in zip(forecaster.networks, other.networks, strict=True):
        for name, weights in mine.state_dict().items():
            assert torch.equal(weights, theirs.state_dict()[name]), name
    np.testing.assert_array_equal(forecaster.scaler.scale, other.scaler.scale)
    np.testing.assert_array_equal(forecaster.errors, other.errors)
    assert forecaster.spec.target_scale == other.spec.target_scale
    assert forecaster.spec.identity != other.spec.identity  # it is of other data all the same


def test_the_forecast_is_the_mean_of_the_seeds_and_its_price_follows_from_its_return(
    bars: Path,
) -> None:
    problem, forecaster = fit_forecaster(bars, seeds=3, inputs=INPUTS)
    rows = np.arange(len(problem.prices.dates) - 30, len(problem.prices.dates))
    by_seed = forecaster.forecast_rows(problem.prices, problem.table, rows)
    assert by_seed.shape == (3, 30)
    assert (by_seed.std(axis=0) > 0).all()
    frame = forecaster.forecast(problem.prices, origins=30)
    price = problem.prices.close[rows] * np.exp(by_seed.mean(axis=0))
    np.testing.assert_allclose(frame["forecast_price"], price, rtol=1e-7)
    np.testing.assert_allclose(
        frame["forecast_return"], price / problem.prices.close[rows] - 1, atol=1e-7
    )


def test_a_level_that_starts_from_the_close_needs_it_whatever_its_sign(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.csv")
    frame = pd.read_csv(tmp_path / "bars.csv", index_col="Date")
    frame["Open"] = frame["Close"].shift(1, fill_value=100.0)  # a day's close is the next open
    frame.to_csv(tmp_path / "bars.csv")
    data = {"path": "bars.csv", "target": "Open", "predict": "level", "columns": "none"}
    problem, forecaster = fit_forecaster(
        write_study(tmp_path, data=data), seeds=1, inputs=["return"], output_shift=1
    )
    assert forecaster.spec.target_start == "close"
    forecaster.save(tmp_path / "champion")
    forecaster = Forecaster.load(tmp_path / "champion")
    close = problem.prices.frame["Close"].iloc[-1]
    said = forecaster.forecast(problem.prices)["forecast_price"].iloc[-1]
    assert said == pytest.approx(close, rel=0.01)
    values = problem.prices.frame.copy()
    values.iloc[-1, values.columns.get_loc("Close")] = -1.0
    negative = replace(problem.prices, frame=values)
    assert forecaster.forecast(negative)["forecast_price"].iloc[-1] == pytest.approx(-1, abs=1)
    without = replace(problem.prices, frame=values.drop(columns="Close"))
    with pytest.raises(DataError, match=r"start from the row's Close.*give it too"):
        forecaster.forecast(without)


def test_a_wider_level_gives_a_wider_interval_around_the_forecast(bars: Path) -> None:
    problem, forecaster = fit_forecaster(bars)
    before = 0.0
    for level in (0.5, 0.8, 0.95):
        frame = forecaster.forecast(problem.prices, level=level)
        half = np.log(frame["high_price"] / frame["forecast_price"]).to_numpy()
        np.testing.assert_allclose(half, np.log(frame["forecast_price"] / frame["low_price"]))
        assert half.min() > before
        before = half.max()
    with_few = replace(forecaster, errors=forecaster.errors[:5], scales=forecaster.scales[:5])
    frame = with_few.forecast(problem.prices, level=0.95)
    assert frame[["low_price", "high_price"]].isna().all(axis=None)
    assert frame["forecast_price"].notna().all()


def test_before_any_outcome_the_interval_holds_its_share_of_scaled_validation_errors(
    bars: Path,
) -> None:
    problem, forecaster = fit_forecaster(bars)
    history = len(forecaster.history.target)
    prices = replace(problem.prices, frame=problem.prices.frame[:history])
    frame = forecaster.forecast(prices, origins=1)
    half = float(np.log(frame["high_price"] / frame["forecast_price"]).iloc[0])
    usual = Moves.fit(forecaster.history.target, forecaster.target).at(forecaster.history.target)[
        -1
    ]
    scores = np.abs(forecaster.errors / forecaster.scales)
    assert half / usual == pytest.approx(conformal_radius(scores), rel=1e-6)
    assert np.mean(scores <= half / usual * (1 + 1e-6)) >= 0.9


def test_intervals_learn_from_what_a_newer_file_shows_since_the_training(
    tmp_path: Path, bars: Path
) -> None:
    problem, forecaster = fit_forecaster(bars)
    frame = problem.prices.frame.reset_index()
    end = len(forecaster.history.target)
    calm = frame.copy()  # the price goes on, but no outcome is far from its forecast any more
    steps = np.tile([1.004, 1 / 1.004], len(frame))[: len(frame) - end]
    for column in ("Open", "High", "Low", "Close"):
        calm.loc[end:, column] = frame["Close"][end - 1] * np.cumprod(steps)
    with_all = forecaster.forecast(read(tmp_path / "calm.csv", calm), origins=1)
    half = float(np.log(with_all["high_price"] / with_all["forecast_price"]).iloc[0])
    sized = Moves.fit(forecaster.history.target, forecaster.target).at(calm["Close"].to_numpy())[-1]
    fixed = conformal_radius(forecaster.errors / forecaster.scales)
    assert isinstance(fixed, float)
    assert half < 0.9 * fixed * sized  # it knows that its forecasts held


def test_a_champion_saved_without_scales_has_those_of_its_validation_rows(folder: Path) -> None:
    new = Forecaster.load(folder)
    file = folder / "weights.safetensors"
    tensors = load_file(file)
    del tensors["validation.scales"]
    save_file(tensors, file)
    _edit(weights_sha256=hashlib.sha256(file.read_bytes()).hexdigest())(folder)
    old = Forecaster.load(folder)
    np.testing.assert_allclose(old.scales, new.scales, rtol=1e-12)


def test_a_target_past_the_file_is_dated_where_a_calendar_is_named(sp500_csv: Path) -> None:
    folder = sp500_csv.parent / "dated"
    for calendar, expected in (("XNYS", ["2019-01-02", "2019-01-03"]), (None, [None, None])):
        data = {"path": str(sp500_csv), "calendar": calendar}
        problem, forecaster = fit_forecaster(write_study(folder, data=data), seeds=1, epochs=1)
        frame = forecaster.forecast(problem.prices, origins=4)
        origins = [f"{date:%Y-%m-%d}" for date in frame["origin_date"]]
        assert origins == ["2018-12-26", "2018-12-27", "2018-12-28", "2018-12-31"]
        targets = [None if pd.isna(d) else f"{d:%Y-%m-%d}" for d in frame["target_date"]]
        assert targets == ["2018-12-28", "2018-12-31", *expected]
        assert (frame["sessions_ahead"] == 2).all()
        assert len(forecaster.forecast(problem.prices)) == 2


def test_too_few_rows_are_refused_with_the_number_that_suffices(tmp_path: Path, bars: Path) -> None:
    problem, forecaster = fit_forecaster(bars, inputs=INPUTS, window=4, input_shift=1)
    frame = problem.prices.frame.reset_index()
    needed = 80 + 4 + 1 + 2 - 1  # warm-up, window, input shift, two origins
    assert len(forecaster.forecast(read(tmp_path / "a.csv", frame[-needed:]))) == 2
    with pytest.raises(DataError, match=f"2 forecasts need at least {needed} rows .* are 85"):
        forecaster.forecast(read(tmp_path / "b.csv", frame[-needed + 1 :]))
    assert len(forecaster.forecast(read(tmp_path / "b.csv", frame[-85:]), origins=1)) == 1
    with pytest.raises(DataError, match="must be at least 1 session, got 0"):
        forecaster.forecast(problem.prices, origins=0)


def test_a_missing_column_is_named(tmp_path: Path, bars: Path) -> None:
    problem, forecaster = fit_forecaster(bars, inputs=INPUTS)
    frame = problem.prices.frame.reset_index()
    with pytest.raises(DataError, match=r"no\.csv: the champion needs the input 'volume_obv'"):
        forecaster.forecast(read(tmp_path / "no.csv", frame.drop(columns="Volume")))
    section = forecaster.data_section(tmp_path / "no.csv")
    frame.drop(columns="Breadth").to_csv(tmp_path / "no.csv", index=False)
    with pytest.raises(DataError, match="there is no column 'Breadth'"):
        read_prices(section)


def test_a_column_that_no_input_needs_may_be_missing(tmp_path: Path, bars: Path) -> None:
    problem, forecaster = fit_forecaster(bars, inputs=["return", "open_close"])
    frame = problem.prices.frame.reset_index()
    frame.drop(columns=["Volume", "Breadth"]).to_csv(tmp_path / "less.csv", index=False)
    prices = read_prices(forecaster.data_section(tmp_path / "less.csv"))
    pd.testing.assert_frame_equal(forecaster.forecast(prices), forecaster.forecast(problem.prices))


def test_joined_inputs_and_shifts_per_family_reach_the_forecast(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.csv")
    write_bars(tmp_path / "index.csv", seed=6)
    write_bars(tmp_path / "other.csv", seed=7)
    market = {"close_time": "16:00", "time_zone": "America/New_York"}
    path = write_study(tmp_path, data=BARS["data"] | market, inputs=BARS["inputs"])
    with path.open("a") as file:
        for name in ("index", "other"):
            file.write(f'\n[[data.join]]\npath = "{name}.csv"\nprefix = "{name}_"\n')
            file.write('close_time = "16:00"\ntime_zone = "America/New_York"\n')
    inputs = ["return", "momentum_rsi", "index_return", "index_Breadth"]
    problem = Problem.load(load_study(path))
    families = {problem.table.specs[column].family for column in problem.table.columns(inputs)}
    shifts = {family: number for number, family in enumerate(sorted(families))}
    _, forecaster = fitted(problem, inputs=inputs, input_shift=shifts)
    assert forecaster is not None
    assert len(set(forecaster.spec.input_shifts)) > 1
    assert [join["prefix"] for join in forecaster.spec.data["join"]] == ["index_"]
    forecaster.save(tmp_path / "champion")
    (tmp_path / "other.csv").unlink()  # no input is made of it
    loaded = Forecaster.load(tmp_path / "champion")
    prices = read_prices(loaded.data_section(tmp_path / "bars.csv"))
    rows = np.arange(len(prices.dates) - 20, len(prices.dates))
    expected = forecaster.forecast_rows(problem.prices, problem.table, rows).mean(axis=0)
    found = loaded.forecast(prices, origins=20)
    np.testing.assert_allclose(
        np.log(found["forecast_price"] / prices.close[rows]), expected, atol=1e-6
    )


# --- a refit that diverges


def test_a_seed_that_diverges_is_left_out_with_a_note(
    bars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = Problem.load(load_study(bars))
    candidate, whole = fitted(problem, seeds=3)
    assert whole is not None
    train = refit_module.train

    def diverge_once(problem: Any, table: Any, fold: Any, parameters: Any, *more: Any) -> Any:
        if parameters.seed == whole.spec.seeds[1]:
            raise refit_module.Diverged("epoch 1: the training loss of fold 1 is nan")
        return train(problem, table, fold, parameters, *more)

    monkeypatch.setattr(refit_module, "train", diverge_once)
    said: list[str] = []
    left = refit(problem, candidate, 3, said.append)
    assert left is not None
    assert left.spec.seeds == (whole.spec.seeds[0], whole.spec.seeds[2])
    assert any("refit 2 of 3 is left out: it diverged" in text for text in said)
    assert left.spec.identity == whole.spec.identity


def test_a_configuration_that_always_diverges_has_no_forecaster(bars: Path) -> None:
    problem = Problem.load(load_study(bars))
    candidate, _ = fitted(problem, seeds=1)
    wild = replace(
        candidate.parameters, optimizer="sgd", learning_rate=10.0, clip=0.0, batch_size=4, epochs=30
    )
    assert refit(problem, replace(candidate, parameters=wild), 2, quiet) is None
