"""What forecasts of many series came to beside each other, in words."""

from collections.abc import Mapping
from typing import Any

from rnnsearch.scoring.words import probability


def order_in_words(beside: Mapping[str, Any]) -> str:
    """Of `ranks.CrossSection` as a mapping, or why there is none."""
    if "reason" in beside:
        return f"no order over the series: {beside['reason']}."
    return (
        f"Order of the series on {beside['dates']:,} dates: IC {beside['ic']:+.4f}, rank IC "
        f"{beside['rank_ic']:+.4f}, ICIR {beside['icir']:+.3f} per date, above 0 on "
        f"{beside['above']:.1%} of the dates ({probability(beside['p'])} alone)."
    )


def portfolio_in_words(made: Mapping[str, Any]) -> str:
    """Of `longshort.LongShort` as a mapping, or why there is none."""
    if "reason" in made:
        return f"no long-short portfolio: {made['reason']}."
    if made["sharpe"] is None or made["sharpe_gross"] is None:
        return "The long-short portfolio neither won nor lost."
    return (
        f"Held and owed by rank: a Sharpe ratio of {made['sharpe_gross']:.2f} before costs, "
        f"{made['sharpe']:.2f} at {made['cost']:g} bp per side, that is "
        f"{made['yearly_return']:+.1%} a year, bought and sold {made['turnover']:,.0f} times a "
        f"year; deepest fall {made['drawdown']:.1%}."
    )
