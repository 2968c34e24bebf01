"""What forecasts of many series came to beside each other, in words."""

from collections.abc import Mapping
from typing import Any

from rnnsearch.language import _
from rnnsearch.language.names import reason
from rnnsearch.scoring.words import probability


def order_in_words(beside: Mapping[str, Any]) -> str:
    """Of `ranks.CrossSection` as a mapping, or why there is none."""
    if "reason" in beside:
        return _("no order over the series: {reason}.", reason=reason(beside["reason"]))
    return _(
        "Order of the series on {dates:,} dates: IC {ic:+.4f}, rank IC {rank_ic:+.4f}, ICIR "
        "{icir:+.3f} per date, above 0 on {above:.1%} of the dates ({p} alone).",
        **{key: beside[key] for key in ("dates", "ic", "rank_ic", "icir", "above")},
        p=probability(beside["p"]),
    )


def portfolio_in_words(made: Mapping[str, Any]) -> str:
    """Of `longshort.LongShort` as a mapping, or why there is none."""
    if "reason" in made:
        return _("no long-short portfolio: {reason}.", reason=reason(made["reason"]))
    if made["sharpe"] is None or made["sharpe_gross"] is None:
        return _("The long-short portfolio neither won nor lost.")
    keys = ("sharpe_gross", "sharpe", "cost", "yearly_return", "turnover", "drawdown")
    return _(
        "Held and owed by rank: a Sharpe ratio of {sharpe_gross:.2f} before costs, {sharpe:.2f} at "
        "{cost:g} bp per side, that is {yearly_return:+.1%} a year, bought and sold "
        "{turnover:,.0f} times a year; deepest fall {drawdown:.1%}.",
        **{key: made[key] for key in keys},
    )
