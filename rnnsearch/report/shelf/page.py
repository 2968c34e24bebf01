"""Studies beside each other as a page, which needs no network and prints."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rnnsearch.config import home
from rnnsearch.config.toml import to_toml
from rnnsearch.data.atomic import replace_file
from rnnsearch.errors import StudyFileError, cut, shown
from rnnsearch.language import _
from rnnsearch.language.notices import not_comparable
from rnnsearch.language.templates import templates
from rnnsearch.scoring import metrics, words
from rnnsearch.scoring.path_sentences import headline

ENDING = ".html"


def check_page(path: Path) -> None:
    """Raises StudyFileError for a file that no browser would take for a page."""
    if path.suffix.lower() != ENDING:
        raise StudyFileError(
            f"--page: a page is a file that ends with {ENDING}, got {shown(str(path))}; try "
            f"{path.stem or 'compared'}{ENDING}"
        )


def write_page(told: Mapping[str, Any], path: Path) -> Path:
    """Write what `comparing.compare` found. Raises StorageError where that is not allowed."""
    text = render(told, path.absolute().parent).encode()
    replace_file(path, lambda file: file.write(text))
    path.chmod(0o644)  # a page is made to be shown
    return path


def render(told: Mapping[str, Any], folder: Path) -> str:
    """The page as HTML; `folder` is where it will lie: it links to the studies' own pages."""
    rows = [_row(row, folder) for row in told["studies"]]
    return (
        templates()
        .get_template("parts/compared.html.j2")
        .render(
            names=[row["name"] for row in rows],
            rows=rows,
            best=_best(told),
            settings=[
                (key.rstrip("."), [_value(v) for v in vs]) for key, vs in told["settings"].items()
            ],
            notes=[_sentence(not_comparable(note)) for note in told["notes"]],
            written=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        )
    )


def _sentence(note: str) -> str:
    return f"{note[0].upper()}{note[1:]}" + _(".")


def _row(row: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What the table tells of one study; a cell is (text, value to sort by)."""
    skill, best, answer = metrics.get("skill"), row["best"], row["evaluated"]
    page, data = home() / f"{row['study']}.html", row["data"]
    p = None if answer is None else answer["p_information"]
    return {
        "name": row["study"],
        "page": Path(os.path.relpath(page, folder)).as_posix() if page.is_file() else None,
        "data": _(
            "{file}, {first} to {last}", file=data["name"], first=data["first"], last=data["last"]
        )
        if data.get("name")
        else "–",
        "trials": (
            _("{some} of {all}", some=row["finished"], all=row["target_trials"]),
            row["finished"],
        ),
        "network": best["network"] if best else "–",
        "cells": [
            (skill.text(best and best["skill"]), best and best["skill"]),
            (skill.text(best and best["gain"]), best and best["gain"]),
            (skill.text(answer and answer["skill"]), answer and answer["skill"]),
            ("–" if p is None else words.probability(p), p),
        ],
        "verdict": headline(answer["verdict"]) if answer else _("not evaluated"),
        "openings": answer["openings"] if answer else None,
    }


def _best(told: Mapping[str, Any]) -> str:
    """The sentence at the top: who is first, where that may be said."""
    rows = [row for row in told["studies"] if row["best"]]
    if not told["comparable"]:
        return _(
            "These studies are not of the same rows and targets: their skills cannot be compared."
        )
    if not rows:
        return _("None of these studies has a complete trial yet.")
    first = max(rows, key=lambda row: row["best"]["gain"])
    return _(
        "On validation rows {study} has the best trial, with a gain of {gain}.",
        study=first["study"],
        gain=metrics.get("gain").text(first["best"]["gain"]),
    )


def _value(value: Any) -> str:
    return "–" if value is None else cut(to_toml(value))
