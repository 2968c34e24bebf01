"""Indicators at other lengths: no look-ahead, equal to ta, in every kind of search."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from optuna.trial import FixedTrial

from rnnsearch.config import LengthRange, load_study
from rnnsearch.data.inputs.indicators import catalogue, compute_indicators, kst
from rnnsearch.data.inputs.lengths import (
    SHORTEST,
    compute_named,
    named,
    recipes,
    sampled,
    spec_at,
    with_lengths,
)
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.references import references
from rnnsearch.search.space.suggesting import grid_size, suggest
from tests.data.inputs.test_indicators import bars, changed_future
from tests.helpers.searches import write_study

SPECS = {spec.name: spec for spec in catalogue()}
OTHER = [f"{name}_{round(recipe.length * 1.6)}" for name, recipe in recipes().items()]
SHORT = [f"{name}_{max(recipe.length // 2, 4)}" for name, recipe in recipes().items()]
ROW = 400


def test_every_indicator_with_a_window_has_a_length() -> None:
    without = SPECS.keys() - recipes().keys()
    assert without == {
        "volume_adi", "volume_obv", "volume_vpt", "volume_nvi", "volume_em", "trend_psar",
        "trend_psar_up_indicator", "trend_psar_down_indicator", "others_dr", "others_cr",
    }  # fmt: skip
    assert recipes()["momentum_rsi"].length == 14
    assert recipes()["trend_macd"].at(52).settings == {
        "window_slow": 52, "window_fast": 24, "window_sign": 18,
    }  # fmt: skip


@pytest.mark.parametrize("names", [OTHER, SHORT], ids=["longer", "shorter"])
def test_another_future_changes_no_value_at_another_length(names: list[str]) -> None:
    whole = compute_named(bars("sp500"), names)
    other = compute_named(changed_future(bars("sp500"), ROW), names)
    short = compute_named(bars("sp500").iloc[: ROW + 1], names)
    for name in names:
        np.testing.assert_array_equal(whole[name][: ROW + 1], other[name][: ROW + 1], err_msg=name)
        np.testing.assert_array_equal(whole[name][: ROW + 1], short[name], err_msg=name)


@pytest.mark.parametrize("names", [OTHER, SHORT], ids=["longer", "shorter"])
def test_a_length_makes_another_column_that_has_settled_after_its_warm_up(names: list[str]) -> None:
    columns = compute_named(bars("sp500"), names)
    own = compute_named(bars("sp500"), list(recipes()))
    for name, values in columns.items():
        spec = named(name)
        assert spec is not None
        assert np.isnan(values[: spec.warmup]).all(), name
        assert np.isfinite(values[spec.warmup :]).all(), name
        assert not np.array_equal(values[200:], own[name.rpartition("_")[0]][200:]), name


@pytest.mark.parametrize("names", [OTHER, SHORT], ids=["longer", "shorter"])
def test_no_value_after_the_warm_up_lacks_rows(names: list[str]) -> None:
    """Rows before the file change nothing but recursive columns."""
    skipped = 137
    whole = compute_named(bars("sp500"), names)
    part = compute_named(bars("sp500").iloc[skipped:], names)
    for name in names:
        spec = named(name)
        assert spec is not None
        if not spec.recursive:
            a, b = whole[name][skipped + spec.warmup :], part[name][spec.warmup :]
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("name", sorted(recipes()))
def test_a_length_is_what_ta_makes_at_that_length(name: str) -> None:
    """The class of ta called directly, then made unit-free as at its own length."""
    frame = bars("sp500").reset_index(drop=True)
    length = round(recipes()[name].length * 1.6)
    recipe, spec = recipes()[name].at(length), spec_at(SPECS[name], length)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        prices = {argument: frame[column] for argument, column in recipe.prices.items()}
        raw = getattr(recipe.kind(**prices, **recipe.settings), recipe.method)()
    close, volume = frame["Close"], frame["Volume"].rolling(20).mean()
    unit_free = {
        "ta {} / close - 1": raw / close - 1,
        "ta {} / close": raw / close,
        "ta {} / (close * mean volume)": raw / (close * volume),
        "ta {} * mean volume / close^2": raw / 1e8 * volume / close**2,
        "ta {}": raw,
    }
    expected = unit_free[SPECS[name].source.replace(name, "{}")].ffill().to_numpy()
    ours = compute_named(frame, [spec.name])[spec.name]
    np.testing.assert_allclose(
        ours[spec.warmup + 5 :], expected[spec.warmup + 5 :], rtol=1e-8, atol=1e-8
    )


def test_at_its_own_length_the_path_of_lengths_makes_the_same_column() -> None:
    from rnnsearch.data.inputs.indicators import UnitFree, whole_bars
    from rnnsearch.data.inputs.lengths import _Made

    frame = whole_bars(bars("sp500"))
    made, forms = _Made(frame), UnitFree(frame)
    own = compute_indicators(bars("sp500"), recipes())
    for name, recipe in recipes().items():
        values = forms(name, made.column(name, recipe.length), SPECS[name].warmup)
        np.testing.assert_array_equal(values, own[name], err_msg=name)
    assert set(kst(frame["Close"])) == {"trend_kst", "trend_kst_sig", "trend_kst_diff"}


# --- which lengths


def test_a_range_is_a_few_lengths_none_more_than_twice_the_one_before() -> None:
    assert sampled(LengthRange(low=5, high=30)) == (5, 9, 17, 30)
    assert sampled(LengthRange(low=7, high=7)) == (7,)
    assert sampled(LengthRange(low=2, high=1000))[-1] == 1000
    assert sampled((5, 9, 40)) == (5, 9, 40)
    assert sampled(7) == (7,)


def test_the_own_length_keeps_the_plain_name() -> None:
    rsi = [SPECS["momentum_rsi"]]
    names = [spec.name for spec in with_lengths(rsi, {"momentum_rsi": (7, 14, 28)}, "[inputs]")]
    assert names == ["momentum_rsi", "momentum_rsi_7", "momentum_rsi_28"]
    assert named("momentum_rsi_14") is None


def test_a_name_in_lengths_wins_over_its_family() -> None:
    wanted = [SPECS[name] for name in ("momentum_rsi", "momentum_roc", "trend_cci")]
    lengths = {"momentum": 50, "momentum_rsi": 9}
    names = {spec.name for spec in with_lengths(wanted, lengths, "[inputs]")} - SPECS.keys()
    assert names == {"momentum_rsi_9", "momentum_roc_50"}


def test_auto_adds_half_and_twice_the_own_length() -> None:
    names = {spec.name for spec in with_lengths([*SPECS.values()], "auto", "[inputs]")}
    assert {"momentum_rsi_7", "momentum_rsi_28", "trend_macd_13", "trend_macd_52"} <= names
    assert len(names) == len(SPECS) + 2 * len(recipes())
    assert SHORTEST > 1


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ({"rsi": 9}, "did you mean momentum_rsi"),
        ({"momentum_rsi_9": 9}, "write momentum_rsi = 9"),
        ({"volume_obv": 9}, "no window"),
        ({"x" * 3000: 9}, "families: "),
    ],
)
def test_a_name_without_a_length_is_refused_with_the_way(
    lengths: dict[str, int], message: str
) -> None:
    with pytest.raises(StudyFileError, match=message) as error:
        with_lengths([], lengths, "[inputs]")
    assert len(str(error.value)) < 1000


# --- in studies


def study(folder: Path, frame: pd.DataFrame | None = None, **inputs: object) -> Path:
    frame = bars("sp500") if frame is None else frame
    frame.to_csv(folder / "prices.csv")
    settings = {"indicators": "none", "search": "each", **inputs}
    return write_study(
        folder, "long", data={"path": "prices.csv"}, inputs=settings, space={"window": 5}
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("momentum_rsi = [30, 5]", "30 > 5; swap them"),
        ("momentum_rsi = 1", "at least 2"),
        ("momentum_rsi = [5, 2000]", "at most 1000"),
        ('momentum_rsi = "long"', "whole number"),
        ("momentum_rsi = { low = 9, high = 5 }", "low must not exceed high"),
    ],
)
def test_a_wrong_length_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(f'[data]\nsample = "sp500"\n[inputs]\nlengths = {{ {text} }}\n')
    with pytest.raises(StudyFileError, match=message) as error:
        load_study(path)
    assert "[inputs] lengths.momentum_rsi" in str(error.value)


@pytest.mark.parametrize("search", ["ranked", "families", "each", "all"])
def test_lengths_are_candidates_in_every_kind_of_search(
    tmp_path: Path, home: Path, search: str
) -> None:
    lengths = {"momentum_rsi": [5, 30]}
    problem = Problem.load(load_study(study(tmp_path, search=search, lengths=lengths)))
    names = {f"momentum_rsi_{n}" for n in (5, 9, 17, 30)}
    assert names <= {*problem.candidates.names}
    assert "further lengths, in sessions: momentum_rsi over 5, 9, 17, 30" in problem.table.notes
    for values in references(problem.study, problem.candidates).values():
        drawn = suggest(FixedTrial(values), problem.study, problem.candidates)
        assert {*drawn.inputs} <= {*problem.table.names}


def test_a_grid_counts_the_switches_of_lengths(tmp_path: Path, home: Path) -> None:
    path = study(tmp_path, lengths={"momentum_rsi": [5, 9, 40]}, search="each")
    fixed = {
        "cell": "gru", "layers": 1, "neurons": 4, "epochs": 1, "batch_size": 64,
        "learning_rate": 0.01, "weight_decay": 0.1, "dropout": 0.0, "input_shift": 0,
        "output_shift": 1, "window": 5,
    }  # fmt: skip
    loaded = load_study(path)
    space = loaded.space.model_copy(update=fixed)
    loaded = loaded.model_copy(update={"space": space})
    problem = Problem.load(loaded)
    assert grid_size(loaded, problem.candidates) == 2 ** len(problem.candidates.names)


def test_a_study_without_lengths_keeps_its_fingerprint(tmp_path: Path) -> None:
    path = study(tmp_path)
    assert "lengths" not in load_study(path).fingerprint()["inputs"]
    path = study(tmp_path, lengths={"momentum_rsi": 9})
    assert "lengths" in load_study(path).fingerprint()["inputs"]


def test_too_few_rows_for_a_length_are_told_with_the_way(tmp_path: Path) -> None:
    path = study(tmp_path, bars("sp500").iloc[:280], lengths={"trend_sma_slow": 290})
    with pytest.raises(DataError, match="set shorter lengths in"):
        Problem.load(load_study(path))


def test_an_indicator_is_named_with_its_length(tmp_path: Path, home: Path) -> None:
    problem = Problem.load(load_study(study(tmp_path, indicators=["momentum_rsi_9"])))
    assert "momentum_rsi_9" in problem.table.names
    column = problem.table.values[:, problem.table.columns(["momentum_rsi_9"])[0]]
    prices = read_prices(problem.study.data).frame
    expected = compute_named(prices, ["momentum_rsi_9"])["momentum_rsi_9"]
    np.testing.assert_array_equal(column, expected.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("momentum_rsi(7)", "write momentum_rsi_7"),
        ("momentum_rsi_07", "write momentum_rsi_7"),
        ("momentum_rsi14", "write momentum_rsi"),
        ("momentum_rsi_9999", "between 2 and 1000"),
    ],
)
def test_another_way_to_write_a_length_is_answered_with_the_name(
    tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(StudyFileError, match=message):
        Problem.load(load_study(study(tmp_path, indicators=[name])))


def test_a_champion_forecasts_from_newer_rows_and_is_served_with_its_lengths(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """predict computes the same columns from newer data; a loaded copy forecasts the same."""
    from rnnsearch.model.forecasting.forecaster import Forecaster
    from rnnsearch.search.trial.packing import unpack
    from rnnsearch.search.trial.protocol import Outcome, Task
    from rnnsearch.search.trial.runner import TrialRunner
    from rnnsearch.verdict.champion import Candidate
    from rnnsearch.verdict.refit import refit

    path = study(tmp_path, lengths={"momentum_rsi": [5, 30], "trend_macd": 40})
    problem = Problem.load(load_study(path))
    values = references(problem.study, problem.candidates)["all inputs"]
    parameters = suggest(FixedTrial(values), problem.study, problem.candidates)
    assert {"momentum_rsi_9", "trend_macd_40"} <= {*parameters.inputs}
    runner = TrialRunner(problem.worker_setup("cpu", 1))
    (outcome,) = [o for o in runner.run(Task(0, parameters.plain())) if isinstance(o, Outcome)]

    class Trial:
        number = 0

    candidate = Candidate(
        Trial(), parameters, (outcome.skill,), (outcome.gain,), (unpack(outcome.forecasts),)
    )  # type: ignore[arg-type]
    champion = refit(problem, candidate, 1, lambda text: None)
    assert champion is not None
    champion.save(tmp_path / "champion")
    loaded = Forecaster.load(tmp_path / "champion")
    assert {"momentum_rsi_9", "trend_macd_40"} <= {*loaded.spec.indicators}

    origins = np.arange(300, 305)
    table = loaded.table(problem.prices)
    columns = table.columns(loaded.spec.inputs)
    own = problem.table.columns(loaded.spec.inputs)
    np.testing.assert_array_equal(
        table.values[300:, columns], np.asarray(problem.table.values)[300:, own]
    )
    np.testing.assert_array_equal(
        loaded.forecast_rows(problem.prices, table, origins),
        champion.forecast_rows(problem.prices, problem.table, origins),
    )
