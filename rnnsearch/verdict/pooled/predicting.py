"""What the champion of many series says about tomorrow, of each of them and of others."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from rnnsearch.config import StudyFile
from rnnsearch.data.listing import Listed, called, is_pattern, list_series
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import DataError, NoTrialError, RnnsearchError, StudyFileError
from rnnsearch.model.forecasting.pooled import PooledForecaster
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.store import Store
from rnnsearch.shown import some
from rnnsearch.verdict.plain import as_json
from rnnsearch.verdict.prediction import in_sample, old_weights, trained_on, undated
from rnnsearch.verdict.renewal import age, answer_of, evaluated_folder, newest

TOLD = 10  # series in a note
BEHIND = pd.Timedelta(days=10)  # more than holidays


def predict_pool(
    study: StudyFile,
    *,
    data: Path | None,
    origins: int | None,
    level: float,
    record: bool,
) -> dict[str, Any]:
    """Dated forecasts of all series, as `prediction.predict` makes them of one; plain JSON.

    Each row names its `series`, and whether the network was trained with it (`seen`). `data`: newer
    prices as the study has them, a folder, a pattern, a file of all series, or the file of one. A
    series that cannot be forecast is in `missing` with its reason, and in `notes`.

    Raises NoTrialError before `evaluate`, DataError where no series can be forecast of these data.
    """
    if record:
        raise StudyFileError(
            "--record: the journal is of one series, and [data] pool = true has one network for "
            "all; use --export to keep its forecasts"
        )
    store = Store(study, create=False)
    with storage_errors(store.url):
        answer = answer_of(store, study)
        if answer is None:
            raise NoTrialError(
                f"{study.name}: there is no champion yet; run `rnnsearch evaluate` first"
            )
        store.claim(study.fingerprint(), store.data)
    champion = newest_pool(study, answer)
    spec = champion.spec
    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    of_data = True
    notes: dict[str, list[str]] = {}
    outside: list[dict[str, Any]] = []
    since = 0
    for one in listed(study, data):
        try:
            own_rows, own_notes, own_outside, own_since = _of_one(
                study, champion, one, origins=origins, level=level
            )
        except RnnsearchError as error:
            missing[one.name] = str(error)
            of_data = of_data and isinstance(error, DataError)
            continue
        seen = one.name in champion.series
        rows += [{"series": one.name, "seen": seen} | row for row in own_rows]
        outside += [{"series": one.name} | fact for fact in as_json(own_outside)]
        since = max(since, own_since)
        for text in own_notes:
            notes.setdefault(text, []).append(one.name)
    if not rows:
        reason = next(iter(missing.items()), ("", ""))
        kind = DataError if of_data else NoTrialError
        raise kind(f"{study.name}: no series can be forecast: {': '.join(reason)}")
    return {
        "study": study.name,
        "champion": spec.trial,
        "trained": trained_on(spec, since),
        "level": level,
        "forecasts": rows,
        "notes": [
            *_told(notes),
            *_absent(missing),
            *_behind(rows),
            *_unseen(rows),
            *_outside(outside),
            *old_weights(study, spec, since, len(champion.series)),
        ],
        "outside": outside,
        "missing": missing,
        "verdict": answer["verdict"]["sentence"],
        "openings": answer["openings"],
        "recorded": None,
    }


def newest_pool(study: StudyFile, answer: dict[str, Any]) -> PooledForecaster:
    """The newest refit of the champion of an answer, or itself. Raises StorageError."""
    champion = evaluated_pool(study, answer)
    known = newest(study, champion.spec.identity)
    return champion if known is None else PooledForecaster.load(known[0])


def evaluated_pool(study: StudyFile, answer: dict[str, Any]) -> PooledForecaster:
    """The champion of an answer. Raises StorageError where its folder holds another, or none."""
    return PooledForecaster.load(evaluated_folder(study, answer))


def listed(study: StudyFile, data: Path | None) -> tuple[Listed, ...]:
    """The series of the study's data, or of newer prices. Raises DataError, StudyFileError."""
    own = study.data
    assert own.path is not None
    if data is None:
        return list_series(own)
    data = data.absolute()
    if data.is_dir():
        if not is_pattern(own.path):
            raise StudyFileError(
                f"--data: study {study.name} has one file of all its series, so newer prices are "
                f"one file too, got the folder {data.name}"
            )
        data = data / own.path.name
    if is_pattern(data):
        return list_series(own.model_copy(update={"path": data, "series": ()}))
    if not is_pattern(own.path):
        try:
            if found := list_series(own.model_copy(update={"path": data})):
                return found
        except DataError:
            if own.layout == "wide":
                raise
    return (Listed(called(data), data, ()),)


def _of_one(
    study: StudyFile, champion: PooledForecaster, one: Listed, *, origins: int | None, level: float
) -> tuple[list[dict[str, Any]], list[str], list[dict[str, Any]], int]:
    """Rows, notes, inputs outside what training saw, and sessions since the training."""
    spec = champion.spec
    used = {join["prefix"] for join in spec.data["join"]}
    columns = spec.data["columns"]
    section = study.of_series(study.name, one.path, one.series).data.model_copy(
        update={
            "join": tuple(join for join in study.data.join if join.prefix in used),
            "columns": columns if isinstance(columns, str) else tuple(columns),
        }
    )
    prices = read_prices(section)
    table = champion.lead.table(prices)
    forecaster = champion.of_prices(one.name, prices, table, origins)
    notes = forecaster.notes(prices) if one.name in champion.series else []
    dated = replace(forecaster, spec=replace(forecaster.spec, calendar=study.data.calendar))
    frame: pd.DataFrame = dated.forecast(prices, origins=origins, level=level, table=table)
    if one.name in champion.series:
        notes += in_sample(spec, frame)
    notes += undated(study, prices, frame)
    told = [text.removeprefix(f"{prices.name}: ") for text in (*prices.warnings, *notes)]
    rows: list[dict[str, Any]] = as_json(frame.to_dict("records"))
    return rows, told, dated.outside(table), age(spec, prices)


def _told(notes: dict[str, list[str]]) -> Iterator[str]:
    for text, names in list(notes.items())[:TOLD]:
        yield f"{some(names)}: {text}"
    if len(notes) > TOLD:
        yield f"and {len(notes) - TOLD} more notes on the prices"


def _absent(missing: dict[str, str]) -> Iterator[str]:
    for name, reason in list(missing.items())[:TOLD]:
        yield f"{name} is left out: {reason}"
    if len(missing) > TOLD:
        yield f"and {len(missing) - TOLD} more are left out: --json has them all"


def _behind(rows: list[dict[str, Any]]) -> Iterator[str]:
    newest = {row["series"]: pd.Timestamp(row["origin_date"]) for row in rows}  # the last one
    last = max(newest.values())
    names = [name for name, date in newest.items() if last - date > BEHIND]
    if names:
        yield (
            f"{some(names)}: the last prices, and so the forecasts, are older than the newest of "
            f"all, of {last:%Y-%m-%d}"
        )


def _unseen(rows: list[dict[str, Any]]) -> Iterator[str]:
    names = list(dict.fromkeys(row["series"] for row in rows if not row["seen"]))
    if names:
        yield (
            f"{some(names)}: the network never saw a row of {'it' if len(names) == 1 else 'these'}"
            ", and the locked test says nothing about such series"
        )


def _outside(outside: list[dict[str, Any]]) -> Iterator[str]:
    names = list(dict.fromkeys(one["series"] for one in outside))
    if names:
        yield (
            f"{some(names)}: newest inputs lie outside what training saw, of which a network "
            "knows nothing; --json names them"
        )
