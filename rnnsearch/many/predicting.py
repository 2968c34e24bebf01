"""The next forecasts of all series, in one table."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnsearch.data.listing import is_pattern, list_series
from rnnsearch.errors import (
    AbsentStudyError,
    NoTrialError,
    RnnsearchError,
    StudyFileError,
    shown,
)
from rnnsearch.language import _, marked
from rnnsearch.language.notices import said
from rnnsearch.many.family import Family, named, series_names
from rnnsearch.many.verdicts import Verdicts, collect
from rnnsearch.shown import some
from rnnsearch.verdict.prediction import OLD_WEIGHTS, check_recorded, predict

Say = Callable[[str], None]
UNTESTED = marked("untested")
NOT_SEARCHED = marked(
    "no search of it has begun; where it cannot be used, `rnnsearch search` says why"
)


def predict_all(
    family: Family,
    say: Say,
    *,
    newer: dict[str, Path] | None = None,
    origins: int | None = None,
    level: float = 0.9,
    record: bool = False,
) -> tuple[dict[str, Any], Verdicts]:
    """Dated forecasts of each series' champion, as plain JSON, and what the champions are worth.

    Keys: study, level, forecasts (rows of `verdict.prediction.predict`, each with its series, its
    champion, the last row that trained it, and the verdict among all series), sentence (what the
    verdicts come to), missing (series -> why it has no forecast), notes (series -> its notes),
    recorded (series -> as of `predict`).

    `newer`: the file of newer prices by series, as of `newer_files`. A series without a forecast is
    told, and the others go on. Raises NoTrialError where none has one, StudyFileError
    where what is said cannot be recorded.
    """
    if record:
        check_recorded(family.study)
    verdicts = collect(family)
    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    notes: dict[str, list[str]] = {}
    recorded: dict[str, dict[str, int]] = {}
    for member in family.members:
        name = member.series
        try:
            path = newer_file(newer, name)
            told = predict(member.study, data=path, origins=origins, level=level, record=record)
        except RnnsearchError as error:
            missing[name] = why(error)
            say(f"{name}: {_(missing[name])}")
            continue
        kind = verdicts.among[member].kind if member in verdicts.among else UNTESTED
        about = {"verdict": kind, "champion": told["champion"]}
        about["trained_last"] = told["trained"]["last"]
        rows += [{"series": name} | row | about for row in told["forecasts"]]
        if told["notes"]:
            notes[name] = told["notes"]
        if told["recorded"]:
            recorded[name] = told["recorded"]
    if not rows:
        reason = next(iter(missing.values()), "")
        raise NoTrialError(f"{family.name}: none of its series has a forecast: {reason}")
    return {
        "study": family.name,
        "level": level,
        "forecasts": rows,
        "sentence": verdicts.plain()["sentence"],
        "missing": missing,
        "notes": notes,
        "recorded": recorded,
    }, verdicts


def newer_files(family: Family, data: Path) -> dict[str, Path]:
    """Where each series' newer prices are: files of a folder or a pattern, or one of all series;
    of one series that is named, its file alone, too.

    Raises StudyFileError where `data` is of another kind than the study's, DataError as
    `list_series` does.
    """
    own = family.study.data
    assert own.path is not None
    if data.is_dir():
        data = data / own.path.name
    if is_pattern(own.path) and not is_pattern(data) and len(family.members) == 1:
        return {family.members[0].series: data.absolute()}
    if is_pattern(own.path) != is_pattern(data):
        one = is_pattern(data)
        kind = "one file of all" if one else "a file for each"
        remedy = "" if one else "; a file of one series goes with --series that names it"
        raise StudyFileError(
            f"--data: study {family.name} has {kind} of its series, so newer prices are given so "
            f"too, as {shown(own.path.name)}, got {shown(data.name)}{remedy}"
        )
    found = list_series(own.model_copy(update={"path": data.absolute()}))
    return {one.name: one.path for one in found}


def newer_file(newer: Mapping[str, Path] | None, series: str) -> Path | None:
    """Where the newer prices of one series are, as of `newer_files`; None where none were given.

    Raises NoTrialError where others were.
    """
    if newer is None:
        return None
    if series not in newer:
        raise NoTrialError("the newer prices have no series of this name")
    return newer[series]


def why(error: RnnsearchError) -> str:
    """A series has no forecast, no refit: in English. One that is left out has no study."""
    return NOT_SEARCHED if isinstance(error, AbsentStudyError) else str(error)


def gathered(notes: Mapping[str, Sequence[str]], study: str) -> list[str]:
    """Remarks on many series, each once, with those that it is about; how old weights are, which
    differs by series, in one for all."""
    about: dict[str, list[str]] = {}
    for series, texts in notes.items():
        for text in texts:
            if text.startswith(OLD_WEIGHTS):
                text = (
                    "the weights know nothing of the newest sessions, a tenth or more of all; "
                    f"`rnnsearch refit {study}` trains them on all rows"
                )
            about.setdefault(text, []).append(series)
    return [
        _("{series}: {text}", series=some(names), text=said(text)) for text, names in about.items()
    ]


def rows_of(rows: list[dict[str, Any]], series: str) -> list[dict[str, Any]]:
    """Of the forecasts of one network for many those of the series that are named, as 2330,2454.

    Raises StudyFileError.
    """
    names = list(dict.fromkeys(row["series"] for row in rows))
    lacks, has = "there is no forecast of series", "there are those of"
    wanted = {named(one, names, lacks, has) for one in series_names(series)}
    return [row for row in rows if row["series"] in wanted]
