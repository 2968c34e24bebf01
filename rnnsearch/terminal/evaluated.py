"""What a champion came to, as the user sees it: the answer, trades, refits, forecasts."""

import re
from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from rnnsearch.language import _, counted, listed, marked, used
from rnnsearch.language.names import reason
from rnnsearch.scoring import metrics, quantiles, trading
from rnnsearch.scoring.path_words import Steps, of_steps
from rnnsearch.scoring.words import intervals, probability, rival, walked
from rnnsearch.search.store.records import title
from rnnsearch.shown import printable
from rnnsearch.terminal.tables import cell, small_table

TESTS = {
    "information": marked("carries information (Clark–West)"),
    "diebold_mariano": marked("better than doing nothing (Diebold–Mariano)"),
    "diebold_mariano_one_fit": marked("refits better than one fit (Diebold–Mariano)"),
    "pesaran_timmermann": marked("direction better than chance (Pesaran–Timmermann)"),
    "excess_profitability": marked("directions earn more than chance (Anatolyev–Gerko)"),
    "superior_ability": marked("any trial better than naive on validation (SPA)"),
    "confidence_set": marked("model confidence set"),
    "overfitting": marked("probability of backtest overfitting"),
}

BESIDE = 4
"""Forecasts beside the champion in one table: as many as 80 columns hold."""


def evaluation_tables(answer: dict[str, Any]) -> Iterator[Table | str]:
    """The verdict, the champion against the baselines, and how sure that is."""
    # It imports torch, which takes two seconds that a search has not.
    from rnnsearch.verdict.answers import told_beyond, told_sentence

    yield told_sentence(answer)
    if beyond := told_beyond(answer):
        yield beyond
    champion, skill = answer["champion"], metrics.get("skill")
    yield _(
        "champion: trial {number}, {network}, {inputs}, validation skill {skill} over {seeds}",
        number=champion["trial"],
        network=title(champion["params"]),
        inputs=counted("{count} input", "{count} inputs", len(champion["params"]["inputs"])),
        skill=skill.cell(champion["skill"]),
        seeds=counted("{count} seed", "{count} seeds", len(champion["seeds"])),
    )
    if answer.get("walk"):
        yield walked(answer["walk"])
    steps = of_steps(answer)
    heading = _("Locked test: {rows} target dates, {first} to {last}", **answer["test"])
    if steps is not None:
        heading = _(
            "Locked test: {rows} paths of {steps} sessions, {first} to {last}, the mean of the "
            "steps",
            steps=len(steps.rows),
            **answer["test"],
        )
    first, *others = answer["table"]
    keys = [key for key in first if key != "forecast"]
    found = [metrics.find(key, answer.get("own_metrics")) for key in keys]
    texts = [metric.texts([row.get(metric.key) for row in answer["table"]]) for metric in found]
    for start in range(0, len(others), BESIDE):
        rows = [first, *others[start : start + BESIDE]]
        table = small_table(heading if not start else "")
        table.add_column("", no_wrap=True)
        for row in rows:
            table.add_column(_(row["forecast"]), justify="right", no_wrap=True)
        for metric, (own, *beside) in zip(found, texts, strict=True):
            cells = [own, *beside[start : start + BESIDE]]
            table.add_row(Text(printable(_(metric.label))), *cells)
        yield table
    if steps is not None:
        yield _step_table(steps)
    seeds = listed(map(skill.cell, answer["seed_skills"]))
    yield _("skill of each seed on its own: {skills}", skills=seeds)
    if answer["interval"] and steps is None:
        yield _(" ").join(intervals(answer["interval"]))
        if quarters := answer["interval"].get("quarters"):
            held = listed(f"{quarter['share']:.1%}" for quarter in quarters)
            yield _("held on each quarter of the test: {shares}", shares=held)
    if distribution := answer.get("quantiles"):
        yield quantiles.words(distribution, {answer["hardest"]: answer["hardest_in_words"]})
    for name, result in answer["significance"].items():
        told = {"test": _test_name(name, answer), "result": _test_result(name, result, answer)}
        yield _("{test}: {result}", **told)
    if answer.get("pool"):
        from rnnsearch.terminal.pooled import pooled_tables

        yield from pooled_tables(answer)
        return
    yield from trading_tables(answer.get("trading") or {"reason": trading.EARLIER})


def _step_table(steps: Steps) -> Table:
    table = small_table(_("Step by step"), tight=True)
    for label, _hint in steps.header:
        table.add_column(label.replace(" ", "\n"), justify="right")
    for row in steps.rows:
        table.add_row(*(text for text, _ in row))
    return table


def refit_text(renewed: dict[str, Any]) -> str:
    """What a refit was trained on, as `verdict.renewal.renew` tells it."""
    told = {key: renewed[key] for key in ("champion", "rows", "first", "last")}
    if renewed["made"]:
        return _("trial {champion} is trained on {rows:,} rows, {first} to {last}", **told)
    return _(
        "trial {champion} was trained before on the same {rows:,} rows, {first} to {last}", **told
    )


def trading_tables(traded: dict[str, Any]) -> Iterator[Table | str]:
    """What the champion would have earned, beside buying and holding, and cash."""
    if "reason" in traded:
        yield _("not traded: {reason}", reason=trading.why_not(traded["reason"]))
        return
    yield traded["sentence"] if used() == "en" else trading.sentence(traded)
    table = small_table(
        _(
            "Traded: {sessions} sessions, {first} to {last}, costs of {cost:g} bp per side",
            sessions=traded["sessions"],
            first=traded["first"],
            last=traded["last"],
            cost=traded["settings"]["cost"],
        )
    )
    table.add_column("", no_wrap=True)
    for row in traded["table"]:
        table.add_column(_(trading.LABELS[row["account"]]), justify="right", no_wrap=True)
    for one, cells in trading.shown_measures(traded):
        table.add_row(_(one.label), *(text for text, _value in cells))
    yield table
    at = map(trading.at_cost, traded["costs"])
    yield _("Sharpe ratio at other costs: {ratios}", ratios=listed(at))
    for text in trading.notes(traded):
        yield _("note: {text}", text=text)


def _test_name(name: str, answer: dict[str, Any]) -> str:
    other = rival(name, answer)
    if other:
        return _("better than {other} (Diebold–Mariano)", other=_(other))
    return _(TESTS[name]) if name in TESTS else name


def _test_result(name: str, result: dict[str, Any], answer: dict[str, Any]) -> str:
    if "reason" in result:
        return _("not applied, {reason}", reason=reason(result["reason"]))
    match name:
        case "overfitting":
            return _(
                "{share:.0%} (the best on one half of the validation rows is no better than the "
                "median trial on the other; {trials} trials)",
                share=result["probability"],
                trials=result["trials"],
            )
        case "confidence_set":
            return _(
                "{left} of {trials} trials cannot be told from the best ({share:.0%})",
                left=len(result["included"]),
                trials=result["trials"],
                share=1 - result["size"],
            )
        case "information":
            return probability(answer["verdict"]["p_information"])
        case "diebold_mariano":
            return probability(answer["verdict"]["p"])
    return _("{p}, corrected for the tests beside it", p=probability(answer["corrected"][name]))


QUANTILE = re.compile(r"q[\d.]+_")
MOST_QUANTILES = 5
"""Columns of a table; `--json` has all."""


def prediction_table(answer: dict[str, Any]) -> Table:
    """Dated forecasts, newest last; without the columns that are empty."""
    table = small_table(_("Forecasts of trial {number}", number=answer["champion"]), tight=True)
    rows = answer["forecasts"]
    told = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    fan = [name for name in told if QUANTILE.match(name)]
    if len(fan) > MOST_QUANTILES:  # evenly, the ends and the median among them
        step = (len(fan) - 1) / (MOST_QUANTILES - 1)
        shown = {fan[round(step * number)] for number in range(MOST_QUANTILES)}
        told = [name for name in told if name not in fan or name in shown]
    for name in told:
        table.add_column(_(name.replace("_", "\n")), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(cell(name, row[name]) for name in told))
    return table
