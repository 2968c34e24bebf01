"""The page of all series: a leaderboard that sorts, and a link to the page of each."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rnnsearch.config import home
from rnnsearch.errors import NoTrialError
from rnnsearch.language.templates import templates
from rnnsearch.many.family import Member
from rnnsearch.many.verdicts import Verdicts
from rnnsearch.report.facts import Facts
from rnnsearch.report.facts import collect as collect_facts
from rnnsearch.report.page import render as render_page
from rnnsearch.report.page import write
from rnnsearch.scoring import metrics
from rnnsearch.search.problem import Problem
from rnnsearch.terminal.many import PROBABILITIES, p_cell
from rnnsearch.verdict.answers import told_alone


def write_index(verdicts: Verdicts) -> Path:
    """Write the page of all, which links to those of the series that are there."""
    return write(verdicts.family.name, render(verdicts))


def render(verdicts: Verdicts) -> str:
    """The page as HTML, in the user's language."""
    told = verdicts.plain()
    alone = {member.series: told_alone(one) for member, one in verdicts.answers.items()}
    rows = [_row(row) | {"alone": alone[row["series"]]} for row in told["series"]]
    return (
        templates()
        .get_template("parts/many.html.j2")
        .render(
            told=told,
            sentence=verdicts.sentence,
            rows=rows,
            better=any(row["verdict"] == "better" for row in rows),
            written=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        )
    )


def write_page(
    member: Member, verdicts: Verdicts, problem: Problem | None = None
) -> tuple[Facts, str, Path] | None:
    """The page of one series, with the verdict that it has among all; None without a trial."""
    try:
        facts = collect_facts(member.study, problem)
    except NoTrialError:
        return None
    if member in verdicts.answers:
        facts = replace(facts, evaluation=verdicts.answers[member])
    page = render_page(facts)
    return facts, page, write(member.study.name, page)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    skill = metrics.get("skill")
    cells = [(skill.text(row["skill"]), row["skill"])]
    cells += [(p_cell(row[name]), row[name]) for name in PROBABILITIES]
    sharpe = row["sharpe"]
    cells.append(("–" if sharpe is None else f"{sharpe:+.2f}".replace("-", "−"), sharpe))
    cells += [(str(row[name]), row[name]) for name in ("trials", "openings")]
    there = (home() / f"{row['study']}.html").exists()
    page = f"./{quote(row['study'])}.html" if there else ""
    return row | {"cells": cells, "page": page}
