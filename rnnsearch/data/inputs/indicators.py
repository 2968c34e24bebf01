"""Indicators of the `ta` library, made causal and unit-free.

Every value at row t is a function of rows <= t, and none depends on the currency, the price level
or the size of the market. `ta` 0.11 is called on a plain row index (with dates PSAR grows extra
rows on pandas 3) and with `fillna=False` (with True several columns see the future). Where it
still looks ahead, or repeats itself, this module departs from it:

- KST and Vortex are computed here: `ta` starts them from the mean of all closes, and the rounding
  left by it in rolling sums stays to the end of the file.
- Visual Ichimoku is filled with that mean in its first rows: they lie in its warm-up.
- PSAR up and down, each empty half of the time, become one signed distance, `trend_psar`.
- `momentum_wr` is `momentum_stoch` - 100, `others_dlr` is 100 times the input `return`: left out.

A value that does not exist (a division by a zero range or a zero volume) is the last one that did,
or 0. Recursive columns, such as every exponential mean, remember all rows since the file began:
cutting rows off its beginning changes them a little, ever less with distance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # workers read tables without pandas
    import pandas as pd

WARMUP = 80  # rows; no indicator needs more before its first value
MEAN_VOLUME = 20  # sessions over which volume is averaged to scale other volume
SPAN = 60  # sessions of the cumulative return

Family = str  # volume, volatility, trend, momentum, others, price, column; or a joined series
KNOWN_AHEAD: Family = "known_ahead"
Unit = Literal[
    "ratio", "difference", "volume", "return", "percent", "index", "flag", "price", "raw"
]

UNITS: dict[Unit, str] = {
    "ratio": "a price against today's close: value / close - 1",
    "difference": "a difference of two prices, in closes: value / close",
    "volume": f"a flow of volume, in mean volumes of the last {MEAN_VOLUME} sessions",
    "return": "a relative change of price or volume; log where the source says so",
    "percent": "a relative change or width times 100",
    "index": "a pure number on the indicator's own scale, such as 0..100",
    "flag": "0 or 1",
    "price": "the price itself",
    "raw": "as it is in the file",
}


@dataclass(frozen=True)
class InputSpec:
    """What one input is.

    warmup     first row (0-based) that has a value
    source     how the value comes about
    recursive  remembers all rows since the file began
    ahead      known before its session: a window ends with its value at the target's date
    """

    name: str
    family: Family
    unit: Unit
    warmup: int
    source: str
    recursive: bool = False
    ahead: bool = False


# The columns of ta by family and form: name, first row with a value, "r" for recursive.
_COLUMNS: dict[Family, dict[str, str]] = {
    "volume": {
        "flow": "adi 19, obv 19, vpt 19",
        "force": "fi 19 r",
        "ease": "em 19, sma_em 19",
        "ratio": "vwap 13",
        "growth": "nvi 1",
        "index": "cmf 19, mfi 14",
    },
    "volatility": {
        "ratio": "bbm 19, bbh 19, bbl 19, kcc 9, kch 9, kcl 9, dcl 19, dch 19, dcm 19",
        "difference": "atr 9 r",
        "percent": "bbw 19, kcw 9, dcw 19, ui 26",
        "index": "bbp 19, kcp 9, dcp 19",
        "flag": "bbhi 19, bbli 19, kchi 9, kcli 9",
    },
    "trend": {
        "ratio": "sma_fast 11, sma_slow 25, ema_fast 11 r, ema_slow 25 r, ichimoku_conv 8, "
        "ichimoku_base 25, ichimoku_a 25, ichimoku_b 51, visual_ichimoku_a 51, "
        "visual_ichimoku_b 77, psar 2 r",
        "difference": "macd 25 r, macd_signal 33 r, macd_diff 33 r, dpo 19",
        "percent": "trix 43 r, kst 44, kst_sig 52, kst_diff 52",
        "index": "vortex_ind_pos 14, vortex_ind_neg 14, vortex_ind_diff 14, mass_index 40 r, "
        "stc 71 r, adx 27 r, adx_pos 15 r, adx_neg 15 r, cci 19, aroon_up 25, aroon_down 25, "
        "aroon_ind 25",
        "flag": "psar_up_indicator 2 r, psar_down_indicator 2 r",
    },
    "momentum": {
        "ratio": "kama 9 r",
        "difference": "ao 33",
        "percent": "roc 12, ppo 25 r, ppo_signal 33 r, ppo_hist 33 r, pvo 25 r, pvo_signal 33 r, "
        "pvo_hist 33 r",
        "index": "rsi 13 r, stoch_rsi 26 r, stoch_rsi_k 28 r, stoch_rsi_d 30 r, tsi 37 r, uo 28, "
        "stoch 13, stoch_signal 15",
    },
    "others": {"percent": "dr 1", "span": "cr 60"},
}

# What each form makes of a column: its unit, and how.
_FORMS: dict[str, tuple[Unit, str]] = {
    "flow": ("volume", "ta {}: change over one session / mean volume"),
    "force": ("volume", "ta {} / (close * mean volume)"),
    "ease": ("index", "ta {} * mean volume / close^2"),
    "growth": ("return", "ta {}: change over one session / value before"),
    "span": ("return", f"ta {{}}: growth over {SPAN} sessions"),
    "ratio": ("ratio", "ta {} / close - 1"),
    "difference": ("difference", "ta {} / close"),
    "percent": ("percent", "ta {}"),
    "index": ("index", "ta {}"),
    "flag": ("flag", "ta {}"),
}
LEFT_OUT = {
    "momentum_wr": "momentum_stoch",
    "others_dlr": "return",
    "trend_psar_up": "trend_psar",
    "trend_psar_down": "trend_psar",
}


def _catalogue() -> tuple[dict[str, InputSpec], dict[str, str]]:
    """The specification and the form of each column, by its name."""
    specs, forms = {}, {}
    for family, by_form in _COLUMNS.items():
        for form, columns in by_form.items():
            unit, source = _FORMS[form]
            for column in columns.split(", "):
                short, warmup, *recursive = column.split()
                name = f"{family}_{short}"
                specs[name] = InputSpec(
                    name, family, unit, int(warmup), source.format(name), bool(recursive)
                )
                forms[name] = form
    return specs, forms


_SPECS, _FORM_OF = _catalogue()


def catalogue() -> tuple[InputSpec, ...]:
    """Every indicator there is, without computing any."""
    return tuple(_SPECS.values())


def needs_volume(spec: InputSpec) -> bool:
    return spec.family == "volume" or spec.name.startswith("momentum_pvo")


# Computed from close and volume, whatever the high and the low of a bar are.
_OF_CLOSE: dict[Family, str] = {
    "volume": "fi obv nvi vpt",
    "volatility": "bbm bbh bbl bbw bbp bbhi bbli ui",
    "trend": "sma_fast sma_slow ema_fast ema_slow macd macd_signal macd_diff trix dpo stc kst "
    "kst_sig kst_diff",
    "momentum": "kama roc ppo ppo_signal ppo_hist pvo pvo_signal pvo_hist rsi stoch_rsi "
    "stoch_rsi_k stoch_rsi_d tsi",
    "others": "dr cr",
}


def of_close_alone(name: str) -> bool:
    """Whether an indicator looks neither at highs nor at lows, over any length."""
    family, _, short = name.rstrip("0123456789").rstrip("_").partition("_")
    return short in _OF_CLOSE.get(family, "").split()


def compute_indicators(frame: pd.DataFrame, names: Iterable[str]) -> dict[str, NDArray[np.float64]]:
    """The named indicators, each (rows,) float64, NaN before its warm-up and finite from there on.

    `frame` has High, Low and Close, all above 0, and Volume where an indicator needs it. Whole
    families are computed: 5,000 rows take about 0.3 s.
    """
    names = list(names)
    if not names:
        return {}
    bars = whole_bars(frame)
    raw = _raw_columns(bars, {_SPECS[name].family for name in names})
    forms = UnitFree(bars)
    return {name: forms(name, raw[name], _SPECS[name].warmup) for name in names}


def whole_bars(frame: pd.DataFrame) -> pd.DataFrame:
    """The prices as `ta` can take them: on a plain row index, with a volume, each bar in order."""
    bars = frame.reset_index(drop=True)
    if "Volume" not in bars:
        bars["Volume"] = (
            1.0  # ta asks for it in momentum; only pvo, which is not asked for, uses it
        )
    # A bar contains its close: a close outside of it would make ADI infinite from there on.
    bars["High"] = bars[["High", "Close"]].max(axis="columns")
    bars["Low"] = bars[["Low", "Close"]].min(axis="columns")
    return bars


class UnitFree:
    """Makes columns of `ta` on some bars unit-free, and NaN until they have settled."""

    def __init__(self, bars: pd.DataFrame) -> None:
        self._transforms = _transforms(bars["Close"], bars["Volume"])

    def __call__(self, name: str, raw: pd.Series, warmup: int) -> NDArray[np.float64]:
        """`name` is that of the indicator in the catalogue: it says which form it has."""
        return filled(self._transforms[_FORM_OF[name]](raw).to_numpy(np.float64), warmup)


def filled(values: NDArray[np.float64], warmup: int) -> NDArray[np.float64]:
    """NaN before `warmup`; from there on the last finite value, or 0 where there was none yet."""
    rows = np.arange(len(values))
    finite = np.isfinite(values) & (rows >= warmup)
    last = np.maximum.accumulate(np.where(finite, rows, -1))
    result = np.where(last >= 0, values[last], 0.0)
    result[:warmup] = np.nan
    return result


def _transforms(close: pd.Series, volume: pd.Series) -> dict[str, Callable[[pd.Series], pd.Series]]:
    """How a column of ta becomes unit-free. Only the row itself and rows before it are used."""
    mean_volume = volume.rolling(MEAN_VOLUME).mean()

    def growth_over_span(percent: pd.Series) -> pd.Series:
        # Over one session this would be others_dr again.
        growth = 1 + percent / 100
        return growth / growth.shift(SPAN) - 1

    return {
        "flow": lambda x: x.diff() / mean_volume,
        "force": lambda x: x / (close * mean_volume),
        "ease": lambda x: x / 1e8 * mean_volume / close**2,  # ta multiplies by 1e8
        "growth": lambda x: x / x.shift() - 1,
        "span": growth_over_span,
        "ratio": lambda x: x / close - 1,
        "difference": lambda x: x / close,
        "percent": lambda x: x,
        "index": lambda x: x,
        "flag": lambda x: x,
    }


def _raw_columns(bars: pd.DataFrame, families: set[Family]) -> pd.DataFrame:
    """The columns of ta by their names, for whole families."""
    import ta

    from rnnsearch.data.inputs.loops import quickened

    high_low_close = ("High", "Low", "Close")
    with np.errstate(divide="ignore", invalid="ignore"):
        if "volume" in families:
            bars = quickened(ta.add_volume_ta)(bars, *high_low_close, "Volume")
        if "volatility" in families:
            bars = ta.add_volatility_ta(bars, *high_low_close)
        if "trend" in families:
            bars = quickened(ta.add_trend_ta)(bars, *high_low_close)
            bars["trend_psar"] = bars["trend_psar_up"].fillna(bars["trend_psar_down"])
            bars = bars.assign(**kst(bars["Close"]), **vortex(bars))
        if "momentum" in families:
            bars = ta.add_momentum_ta(bars, *high_low_close, "Volume")
        if "others" in families:
            bars = ta.add_others_ta(bars, "Close")
    return bars


def kst(
    close: pd.Series,
    changes: Sequence[int] = (10, 15, 20, 30),
    means: Sequence[int] = (10, 10, 10, 15),
    signal: int = 9,
) -> dict[str, pd.Series]:
    """Know Sure Thing (Pring 1992): weighted means of four rates of change, in percent.

    The weights are 1 to 4; `changes` is over how many sessions each change is, `means` over how
    many it is averaged, `signal` over how many their sum is.
    """
    terms = [
        weight * (close / close.shift(over) - 1).rolling(mean).mean()
        for weight, (over, mean) in enumerate(zip(changes, means, strict=True), start=1)
    ]
    whole = 100 * (terms[0] + terms[1] + terms[2] + terms[3])
    mean = whole.rolling(signal).mean()
    return {"trend_kst": whole, "trend_kst_sig": mean, "trend_kst_diff": whole - mean}


def vortex(bars: pd.DataFrame, window: int = 14) -> dict[str, pd.Series]:
    """Vortex (Botes & Siepman 2010): upward and downward movement in true ranges."""
    high, low, before = bars["High"], bars["Low"], bars.shift()
    top = high.where(high > before["Close"], before["Close"])
    bottom = low.where(low < before["Close"], before["Close"])
    ranges = (top - bottom).rolling(window).sum()
    up = (high - before["Low"]).abs().rolling(window).sum() / ranges
    down = (low - before["High"]).abs().rolling(window).sum() / ranges
    return {
        "trend_vortex_ind_pos": up,
        "trend_vortex_ind_neg": down,
        "trend_vortex_ind_diff": up - down,
    }
