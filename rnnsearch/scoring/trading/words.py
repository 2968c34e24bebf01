"""What an account came to, as it is shown: one sentence, and the figures with their meaning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rnnsearch.language import _, again, marked
from rnnsearch.scoring.trading.account import ENTRIES
from rnnsearch.scoring.trading.measures import MOST_COST
from rnnsearch.scoring.trading.positions import RULES
from rnnsearch.shown import formatted

LABELS = {
    "champion": marked("champion"),
    "before_costs": marked("before costs"),
    "buy_and_hold": marked("buy and hold"),
    "cash": marked("cash"),
}

EARLIER = marked(
    "this evaluation is of a version before there was [trade]; `rnnsearch evaluate STUDY --again` "
    "trades, and opens the locked test once more"
)
"""Why an earlier evaluation has no figures."""


SAMPLE = marked("these are prices without dividends: holding the index earned more than is shown")
ADJUSTED = marked("dividends are in these prices, as they were adjusted for them later")
UNADJUSTED = marked(
    "these are prices without dividends, which nobody is paid here: adjust = true counts them "
    "({column}), in a new study"
)
UNKNOWN = marked(
    "dividends count only where {column} of {file} has them in it: of prices without dividends, "
    "what is held earns less here than it did, and what is sold short more"
)
STALE_OPENS = marked(
    "the open is the close of the session before in {share} % of the sessions: nobody could trade "
    "there if it was only carried on"
)
LOOKED_AT = marked(
    "these rows had been looked at before, and the chances are those of a first look"
)
"""Notes of an evaluation, kept in English."""

NO_POSITION = marked('[trade] position is "none"')
SILENT = marked("a forecast of {kind} says nothing of where the price goes")
OF_PATHS = marked(
    "a path of {steps} sessions does not say on which of them a position ends; search a study with "
    "[data] steps = 1 to see what its forecasts earn"
)
NO_CLOSE = marked(
    "{target} is not the price at which its session closes, so when its forecast is made nobody "
    "can buy or sell at it any more"
)
NOT_ABOVE = marked("there are prices that are not above 0, of which there are no shares to buy")
"""Why nothing is traded, kept in English."""


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
    return f"{formatted(100 * value, '.1f')} %"


def _signed(value: float) -> str:
    return f"{formatted(100 * value, '+.1f')} %"


def _ratio(value: float) -> str:
    return formatted(value, "+.2f")


MEASURES = (
    Shown(
        "yearly_return", marked("yearly return"), marked("growth of a year, compounded"), _signed
    ),
    Shown(
        "volatility",
        marked("volatility"),
        marked("standard deviation of a year's return"),
        _percent,
    ),
    Shown(
        "sharpe",
        marked("Sharpe ratio"),
        marked("mean return beyond cash over volatility, of a year"),
        _ratio,
    ),
    Shown(
        "sharpe_error",
        marked("standard error"),
        marked(
            "of the Sharpe ratio (Lo 2002): it lies within two of them of the true one "
            "nearly always"
        ),
        lambda value: f"{value:.2f}",
    ),
    Shown(
        "sharpe_low",
        marked("95 % from"),
        marked("lower end of its stationary bootstrap interval"),
        _ratio,
    ),
    Shown(
        "sharpe_high",
        marked("95 % to"),
        marked("upper end of its stationary bootstrap interval"),
        _ratio,
    ),
    Shown(
        "probabilistic_sharpe",
        marked("probabilistic Sharpe"),
        marked("chance that the true Sharpe ratio is above 0 (Bailey & López de Prado 2012)"),
        _percent,
    ),
    Shown(
        "deflated_sharpe",
        marked("deflated Sharpe"),
        marked(
            "chance that it is above what the best of as many trials would reach without "
            "any ability (Bailey & López de Prado 2014)"
        ),
        _percent,
    ),
    Shown(
        "drawdown",
        marked("drawdown"),
        marked("deepest fall below the highest worth so far"),
        _percent,
    ),
    Shown(
        "drawdown_sessions",
        marked("its sessions"),
        marked("from the peak until that was reached again, or to the end"),
        lambda value: f"{value:,}",
    ),
    Shown(
        "turnover",
        marked("turnover a year"),
        marked("bought and sold, in multiples of the capital"),
        lambda value: f"{value:,.1f}×",
    ),
    Shown(
        "winning",
        marked("winning days"),
        marked("share of the sessions with a position that ended higher, after costs"),
        _percent,
    ),
)


def shown_measures(trading: Mapping[str, Any]) -> list[tuple[Shown, list[tuple[str, Any]]]]:
    """Each figure with (text, value) by account, in the order of `table`."""
    table = trading["table"]
    return [(one, [(one.text(row), row.get(one.key)) for row in table]) for one in MEASURES]


def notes(trading: Mapping[str, Any]) -> list[str]:
    """What is to be known beside the figures, in the user's language."""
    return [again(note, (UNADJUSTED, UNKNOWN, STALE_OPENS)) for note in trading["notes"]]


def why_not(reason: str) -> str:
    """Why nothing was traded, in the user's language."""
    return again(reason, (SILENT, OF_PATHS, NO_CLOSE))


def at_cost(one: Mapping[str, Any]) -> str:
    """One of `costs`: `−0.35 at 5 bp`."""
    told = "–" if one["sharpe"] is None else _minus(one["sharpe"])
    return _("{ratio} at {cost:g} bp", ratio=told, cost=one["cost"])


def sentence(trading: Mapping[str, Any]) -> str:
    """What the champion's account came to, losses in plain words."""
    rows = {row["account"]: row for row in trading["table"]}
    champion, before, held = (rows[name] for name in ("champion", "before_costs", "buy_and_hold"))
    settings = trading["settings"]
    how = _(
        "Traded {rule}{sides}, entered {entry},",
        rule=_(RULES[settings["position"]].words),
        sides=_(", long only") if settings["sides"] == "long_only" else "",
        entry=_(ENTRIES[settings["entry"]].words),
    )
    cost = f"{settings['cost']:g} bp"
    if not champion["turnover"]:
        return _(
            "{how} nothing was earned and nothing lost: there was no position in any session.",
            how=how,
        )
    if champion["sharpe"] is None:
        return _(
            "{how} the champion earned {yearly} % a year at {cost} per side, in too few sessions "
            "to tell how sure that is.",
            how=how,
            yearly=_minus(100 * champion["yearly_return"], ".1f"),
            cost=cost,
        )
    free = 0.0 if before["sharpe"] is None else before["sharpe"]
    text = _(
        "{how} the champion has a Sharpe ratio of {free} before costs, {ratio} at {cost} per side",
        how=how,
        free=_minus(free),
        ratio=_minus(champion["sharpe"]),
        cost=cost,
    )
    if held["sharpe"] is not None:
        text += _(" (buy and hold: {ratio})", ratio=_minus(held["sharpe"]))
    text += _(
        ", that is {yearly} % a year against {held} %. {gone}. ",
        yearly=_minus(100 * champion["yearly_return"], ".1f"),
        held=_minus(100 * held["yearly_return"], ".1f"),
        gone=_gone(trading["break_even"]),
    )
    chance = _chance(champion["probabilistic_sharpe"])
    if trading["trials"] <= 1:
        return text + _("That the true ratio is above 0 has a chance of {chance}.", chance=chance)
    return text + _(
        "That the true ratio is above 0 has a chance of {chance}, above what luck gives the best "
        "of {trials:,} trials of {deflated}.",
        chance=chance,
        trials=trading["trials"],
        deflated=_chance(champion["deflated_sharpe"]),
    )


def _gone(break_even: float | None) -> str:
    if break_even is None:
        return _("The gain outlasts costs of {cost:,.0f} bp per side", cost=MOST_COST)
    if break_even == 0:
        return _("There is no gain even without costs")
    cost = f"{break_even:.{1 if break_even >= 0.05 else 2}f}"
    return _("The gain is gone at {cost} bp per side", cost=cost)


def _chance(share: float) -> str:
    """Never 0 or 100 %: nothing of the kind is known."""
    if share < 0.001 or share > 0.999:
        return _("less than 0.1 %") if share < 0.5 else _("more than 99.9 %")
    return f"{100 * share:.1f} %"


def _minus(value: float, how: str = ".2f") -> str:
    return formatted(value, how).replace("-", "−")
