"""Adjusted prices are told by what they are: used as prices where asked for, an input never."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import DataError
from rnnsearch.prepare.draft import init
from tests.helpers.series import bars, read, told

pytestmark = pytest.mark.usefixtures("home")


def factor(rows: int = 300, dividends: int = 5) -> pd.Series:
    """0.98 and so on up to 1, a step at each dividend."""
    steps = np.arange(rows) // (rows // (dividends + 1))
    return pd.Series(0.995 ** np.maximum(dividends - steps, 0), bars(rows).index)


def adjusted_close(name: str = "Kurs2", decimals: int = 4) -> pd.DataFrame:
    frame = bars()
    return frame.assign(**{name: (frame["Close"] * factor()).round(decimals)})


def adjusted_set(form: str) -> pd.DataFrame:
    frame = bars()
    shares = np.where(np.arange(300) < 150, 2.0, 1.0)  # a split
    prices = frame[["Open", "High", "Low", "Close"]].mul(factor(), axis="index").round(4)
    volume = frame["Volume"] * shares
    return frame.assign(
        **{form.format(name): prices[name] for name in prices}, **{form.format("Volume"): volume}
    )


@pytest.mark.parametrize("name", ["adjusted", "ADJ_CLOSE_PX", "Kurs2", "Total Return", "調整後"])
@pytest.mark.parametrize("decimals", [2, 4])
def test_an_adjusted_close_is_no_input_under_any_name(
    tmp_path: Path, name: str, decimals: int
) -> None:
    frame = adjusted_close(name, decimals)
    for rows in (frame, frame[::-1]):
        prices = read(tmp_path, rows)
        assert prices.extras == ()
        assert f"column {name!r} is Close adjusted for dividends" in told(prices)
        assert "adjust = true uses it" in told(prices)
    with pytest.raises(DataError, match="it knows the future; use adjust = true or leave it out"):
        read(tmp_path, frame, columns=(name,))


def test_taking_the_advice_uses_it(tmp_path: Path) -> None:
    frame = adjusted_close()
    prices = read(tmp_path, frame, adjust=True)
    np.testing.assert_allclose(prices.close, frame["Kurs2"])
    np.testing.assert_allclose(
        prices.frame["High"] / prices.close, frame["High"] / frame["Close"], rtol=1e-9
    )
    assert "rescaled by Kurs2 / Close" in told(prices)


@pytest.mark.parametrize("form", ["Adj. {}", "adj{}", "{}_adjusted"])
def test_a_whole_adjusted_set_is_the_prices_where_it_is_asked_for(
    tmp_path: Path, form: str
) -> None:
    frame = adjusted_set(form)
    left_out = read(tmp_path, frame)
    assert left_out.extras == ()
    assert left_out.close.tolist() == frame["Close"].tolist()
    prices = read(tmp_path, frame, adjust=True)
    assert prices.extras == ()
    for name in ("Open", "High", "Low", "Close", "Volume"):
        assert prices.frame[name].tolist() == frame[form.format(name)].tolist()
    assert "(adjust = true)" in told(prices)


@pytest.mark.parametrize(
    "frame", [adjusted_close("adjusted"), adjusted_set("Adj. {}")], ids=["close", "set"]
)
def test_init_uses_adjusted_prices_and_says_so(tmp_path: Path, frame: pd.DataFrame) -> None:
    frame.to_csv(tmp_path / "prices.csv")
    draft = init(tmp_path / "prices.csv", tmp_path / "prices.toml")
    data = load_study(draft.path).data
    assert data.adjust
    assert data.columns == "all"  # there are no others
    assert read_prices(data).close[0] == pytest.approx(bars()["Close"].iloc[0] * 0.995**5, rel=1e-4)
    assert any("(adjust = true)" in note for note in draft.warnings)


def test_a_factor_that_ends_at_one_is_no_input_either(tmp_path: Path) -> None:
    prices = read(tmp_path, bars().assign(adj_factor=factor()))
    assert prices.extras == ()
    assert "'adj_factor'" in told(prices)


def test_columns_that_only_resemble_a_price_stay_inputs(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    close = bars()["Close"]
    others = {
        "peer": close * np.exp(np.cumsum(rng.normal(0, 0.004, 300))),
        "total_return": close * (100 / close.iloc[0]) / factor(),  # begins at 100: it knew no more
        "mean": close.rolling(5, min_periods=1).mean(),
        "rate": np.where(np.arange(300) < 150, 0.75, 1.0),
        "adjusted_sentiment": rng.normal(size=300),
    }
    assert read(tmp_path, bars().assign(**others)).extras == tuple(others)


def test_an_adjusted_column_may_be_the_target(tmp_path: Path) -> None:
    prices = read(tmp_path, adjusted_set("Adj. {}"), target="Adj. Open")
    assert prices.target == "Adj. Open"
    assert prices.extras == ()
