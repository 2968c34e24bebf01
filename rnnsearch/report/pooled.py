"""The page of one network of many series: it needs no network, and no script but to sort."""

from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

from rnnsearch.language import _, listed
from rnnsearch.language.templates import templates
from rnnsearch.report.facts import Facts
from rnnsearch.report.page import (
    quarters_of,
    settings_of,
    tone,
    trial_metrics,
    trial_table,
    verdict_of,
)
from rnnsearch.scoring import metrics, words
from rnnsearch.scoring.panel.words import order_in_words, portfolio_in_words
from rnnsearch.search.store.records import title
from rnnsearch.search.store.view import FINISHED
from rnnsearch.shown import formatted

WIDE, HIGH = 720, 200


def render_pool(facts: Facts) -> str:
    """The page as HTML, in the user's language."""
    evaluation = facts.evaluation
    pool = evaluation["pool"] if evaluation else None
    interval = (evaluation or {}).get("interval") or {}
    best = facts.champion
    skill = metrics.get("skill")
    return (
        templates()
        .get_template("pooled.html.j2")
        .render(
            name=facts.study.name,
            data=facts.attributes.get("data", {}),
            notes=facts.notes,
            tone=tone(evaluation),
            verdict=verdict_of(evaluation),
            evaluation=evaluation,
            order=order_in_words(pool["cross_section"]) if pool else "",
            portfolio=portfolio_in_words(pool["long_short"]) if pool else "",
            curve=_curve(pool["long_short"]) if pool else "",
            series=_series(pool) if pool else [],
            table=_table(evaluation) if evaluation else [],
            findings=list(words.findings(evaluation)) if evaluation else [],
            intervals=list(words.intervals(interval)) if interval else [],
            quarters=quarters_of(interval),
            champion=title(best.plain),
            inputs=listed(best.parameters.inputs),
            validation_skill=skill.text(
                evaluation["champion"]["skill"] if evaluation else best.skill
            ),
            trials=trial_table(facts),
            trial_metrics=trial_metrics(facts),
            finished=sum(facts.counts[state] for state in FINISHED),
            settings=settings_of(facts),
            written=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        )
    )


def _series(pool: dict[str, Any]) -> list[dict[str, Any]]:
    skill, hits = metrics.get("skill"), metrics.get("directional_accuracy")
    return [
        row
        | {
            "cells": [
                (skill.text(row["skill"]), row["skill"]),
                (hits.text(row["directional_accuracy"]), row["directional_accuracy"]),
                (hits.text(row.get("held")), row.get("held")),
                (f"{row['rows']:,}", row["rows"]),
            ]
        }
        for row in pool["series"]
    ]


def _table(evaluation: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """A row per measure, a column per forecast."""
    rows = evaluation["table"]
    keys = [key for key in rows[0] if key != "forecast"]
    found = [metrics.find(key, evaluation.get("own_metrics")) for key in keys]
    return [("", [row["forecast"] for row in rows])] + [
        (metric.label, metric.texts([row.get(metric.key) for row in rows])) for metric in found
    ]


def _curve(made: dict[str, Any]) -> Markup:
    """The sum of what the long-short portfolio earned after costs, as a picture."""
    if "reason" in made or not made["returns"]:
        return Markup("")
    worth, total = [0.0], 0.0
    for value in made["returns"]:
        total += value
        worth.append(total)
    low, high = min(worth), max(worth)
    span = (high - low) or 1.0
    points = " ".join(
        f"{WIDE * place / (len(worth) - 1):.1f},{HIGH - HIGH * (value - low) / span:.1f}"
        for place, value in enumerate(worth)
    )
    zero = HIGH - HIGH * (0 - low) / span
    first, last = made["dates"][0], made["dates"][-1]
    said = _(
        "{total} of one unit held and owed, {first} to {last}, after costs",
        total=formatted(total, "+.1%").replace("-", "−"),
        first=first,
        last=last,
    )
    return Markup(
        f'<svg class="curve" viewBox="0 -8 {WIDE} {HIGH + 16}" role="img" '
        f'aria-label="{escape(said)}">'
        f'<line x1="0" x2="{WIDE}" y1="{zero:.1f}" y2="{zero:.1f}"/>'
        f'<polyline points="{points}"/></svg>'
        f'<p class="soft">{escape(said)}{_(".")}</p>'
    )
