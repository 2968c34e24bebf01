"""What an account came to, as it is shown: one sentence, and the figures with their meaning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rnnsearch.scoring.trading.account import ENTRIES
from rnnsearch.scoring.trading.measures import MOST_COST
from rnnsearch.scoring.trading.positions import RULES

LABELS = {
    "champion": "champion",
    "before_costs": "before costs",
    "buy_and_hold": "buy and hold",
    "cash": "cash",
}

EARLIER = (
    "this evaluation is of a version before there was [trade]; `rnnsearch evaluate STUDY --again` "
    "trades, and opens the locked test once more"
)
"""Why an earlier evaluation has no figures."""


@dataclass(frozen=True)
class Shown:
    """One figure: its name, what it means, and how it is written."""

    key: str
    label: str
    hint: str
    write: Callable[[Any], str]

    def text(self, account: Mapping[str, Any]) -> str:
        value = account.get(self.key)
        return "–" if value is None else self.write(value).replace("-", "−")


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _signed(value: float) -> str:
    return f"{100 * value:+.1f} %"


def _ratio(value: float) -> str:
    return f"{value:+.2f}"


MEASURES = (
    Shown("yearly_return", "yearly return", "growth of a year, compounded", _signed),
    Shown("volatility", "volatility", "standard deviation of a year's return", _percent),
    Shown("sharpe", "Sharpe ratio", "mean return beyond cash over volatility, of a year", _ratio),
    Shown(
        "sharpe_error",
        "standard error",
        "of the Sharpe ratio (Lo 2002): it lies within two of them of the true one nearly always",
        lambda value: f"{value:.2f}",
    ),
    Shown("sharpe_low", "95 % from", "lower end of its stationary bootstrap interval", _ratio),
    Shown("sharpe_high", "95 % to", "upper end of its stationary bootstrap interval", _ratio),
    Shown(
        "probabilistic_sharpe",
        "probabilistic Sharpe",
        "chance that the true Sharpe ratio is above 0 (Bailey & López de Prado 2012)",
        _percent,
    ),
    Shown(
        "deflated_sharpe",
        "deflated Sharpe",
        "chance that it is above what the best of as many trials would reach without any ability "
        "(Bailey & López de Prado 2014)",
        _percent,
    ),
    Shown("drawdown", "drawdown", "deepest fall below the highest worth so far", _percent),
    Shown(
        "drawdown_sessions",
        "its sessions",
        "from the peak until that was reached again, or to the end",
        lambda value: f"{value:,}",
    ),
    Shown(
        "turnover",
        "turnover a year",
        "bought and sold, in multiples of the capital",
        lambda value: f"{value:,.1f}×",
    ),
    Shown(
        "winning",
        "winning days",
        "share of the sessions with a position that ended higher, after costs",
        _percent,
    ),
)


def shown_measures(trading: Mapping[str, Any]) -> list[tuple[Shown, list[tuple[str, Any]]]]:
    """Each figure with (text, value) by account, in the order of `table`."""
    table = trading["table"]
    return [(one, [(one.text(row), row.get(one.key)) for row in table]) for one in MEASURES]


def at_cost(one: Mapping[str, Any]) -> str:
    """One of `costs`: `−0.35 at 5 bp`."""
    told = "–" if one["sharpe"] is None else _minus(one["sharpe"])
    return f"{told} at {one['cost']:g} bp"


def sentence(trading: Mapping[str, Any]) -> str:
    """What the champion's account came to, losses in plain words."""
    rows = {row["account"]: row for row in trading["table"]}
    champion, before, held = (rows[name] for name in ("champion", "before_costs", "buy_and_hold"))
    settings = trading["settings"]
    how = (
        f"Traded {RULES[settings['position']].words}"
        f"{', long only' if settings['sides'] == 'long_only' else ''}, entered "
        f"{ENTRIES[settings['entry']].words},"
    )
    cost = f"{settings['cost']:g} bp"
    if not champion["turnover"]:
        return f"{how} nothing was earned and nothing lost: there was no position in any session."
    if champion["sharpe"] is None:
        return (
            f"{how} the champion earned {_minus(100 * champion['yearly_return'], '.1f')} % a year "
            f"at {cost} per side, in too few sessions to tell how sure that is."
        )
    free = 0.0 if before["sharpe"] is None else before["sharpe"]
    text = f"{how} the champion has a Sharpe ratio of {_minus(free)} before costs, "
    text += f"{_minus(champion['sharpe'])} at {cost} per side"
    if held["sharpe"] is not None:
        text += f" (buy and hold: {_minus(held['sharpe'])})"
    text += (
        f", that is {_minus(100 * champion['yearly_return'], '.1f')} % a year against "
        f"{_minus(100 * held['yearly_return'], '.1f')} %. {_gone(trading['break_even'])}. "
    )
    chance = _chance(champion["probabilistic_sharpe"])
    text += f"That the true ratio is above 0 has a chance of {chance}"
    if trading["trials"] > 1:
        text += (
            f", above what luck gives the best of {trading['trials']:,} trials of "
            f"{_chance(champion['deflated_sharpe'])}"
        )
    return f"{text}."


def _gone(break_even: float | None) -> str:
    if break_even is None:
        return f"The gain outlasts costs of {MOST_COST:,.0f} bp per side"
    if break_even == 0:
        return "There is no gain even without costs"
    return f"The gain is gone at {break_even:.{1 if break_even >= 0.05 else 2}f} bp per side"


def _chance(share: float) -> str:
    """Never 0 or 100 %: nothing of the kind is known."""
    if share < 0.001 or share > 0.999:
        return "less than 0.1 %" if share < 0.5 else "more than 99.9 %"
    return f"{100 * share:.1f} %"


def _minus(value: float, how: str = ".2f") -> str:
    return f"{value:{how}}".replace("-", "−")
