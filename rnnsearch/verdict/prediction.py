"""What the champion says about tomorrow."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from rnnsearch.config import StudyFile
from rnnsearch.data.markets.calendars import are_days
from rnnsearch.data.markets.proposals import likely_market
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import NoTrialError, StorageError
from rnnsearch.model.forecaster import Forecaster, read_spec
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.store import Store
from rnnsearch.verdict.evaluation import champion_folder, stored_answer
from rnnsearch.verdict.plain import as_json

FORKED = (
    "`rnnsearch search STUDY --fork NAME` begins a study whose networks forecast the change from "
    "the last price"
)
TOLD = 5
"""Most inputs named in a note."""


def predict(
    study: StudyFile, *, data: Path | None = None, origins: int | None = None, level: float = 0.9
) -> dict[str, Any]:
    """Dated forecasts of the study's champion, from the study's data or from `data`; plain JSON.

    Keys: study, champion (trial number), level, forecasts (rows of `Forecaster.forecast`), notes,
    outside (inputs outside what training saw, as `Forecaster.outside` tells them),
    verdict (the sentence of the last evaluation), openings. The study's file may have grown since.

    Raises NoTrialError before `evaluate`, StorageError where the champion's folder is damaged,
    gone, or not that of the last evaluation.
    """
    store = Store(study, create=False)
    with storage_errors(store.url):
        answer = stored_answer(store)
        if answer is None:
            raise NoTrialError(
                f"{study.name}: there is no champion yet; run `rnnsearch evaluate` first"
            )
        # The study file must still be the one that was searched; its data may be newer.
        store.claim(study.fingerprint(), store.data)
    folder = champion_folder(study)
    spec = read_spec(folder)
    if spec is None or spec.identity != answer["champion"]["identity"]:
        raise StorageError(
            f"{folder}: the champion of the last evaluation is not there; run `rnnsearch evaluate` "
            "with the --top and --seeds of then, which trains it again without opening the test"
        )
    forecaster = Forecaster.load(folder)
    # A calendar may have been named since: it dates forecasts and changes none.
    forecaster = replace(forecaster, spec=replace(spec, calendar=study.data.calendar))
    # Joined series that the champion does not use need not be there.
    used = {join["prefix"] for join in spec.data["join"]}
    joins = tuple(join for join in study.data.join if join.prefix in used)
    section = study.data.model_copy(update={"join": joins})
    if data is not None:
        columns = forecaster.spec.data["columns"]
        columns = columns if isinstance(columns, str) else tuple(columns)
        changes = {"path": data.absolute(), "sample": None, "columns": columns}
        section = section.model_copy(update=changes)
    prices = read_prices(section)
    table = forecaster.table(prices)
    frame = forecaster.forecast(prices, origins=origins, level=level, table=table)
    outside = forecaster.outside(table)
    notes = [
        *prices.warnings,
        *table.notes,
        *forecaster.notes(prices),
        *_beyond(outside, forecaster, store.formerly),
        *_undated(study, prices, frame),
    ]
    return {
        "study": study.name,
        "champion": spec.trial,
        "level": level,
        "forecasts": as_json(frame.to_dict("records")),
        "notes": notes,
        "outside": as_json(outside),
        "verdict": answer["verdict"]["sentence"],
        "openings": answer["openings"],
    }


def _beyond(outside: list[dict[str, Any]], forecaster: Forecaster, formerly: str) -> Iterator[str]:
    """Inputs outside what training saw, in words; `formerly` as of `Store`."""
    if not outside:
        return
    told = [
        f"{one['input']} is {one['value']:.6g} (training: {one['low']:.6g} to {one['high']:.6g})"
        for one in outside[:TOLD]
    ]
    more = f", and {len(outside) - TOLD} more" if len(outside) > TOLD else ""
    text = f"newest inputs lie outside what training saw: {', '.join(told)}{more}; a network "
    text += "knows nothing of such values"
    if any(one["input"] == "level" for one in outside):
        if forecaster.target_scale.start != "none":
            text += ", so what it says of the next change is a guess"
        else:
            text += ", so its forecast tends back to prices that it has seen: "
            text += FORKED if formerly else "search again with newer rows"
    yield text


def _undated(study: StudyFile, prices: Prices, forecasts: pd.DataFrame) -> list[str]:
    if forecasts["target_date"].notna().all():
        return []
    if not are_days(prices.dates.normalize().unique()):
        return [
            "targets after the end of the file have no date: its rows are no days and not equally "
            "far apart, and calendars know days alone"
        ]
    if study.data.calendar is not None:
        if are_days(prices.dates):
            return []
        return [
            "targets after the end of the file have no date: its newest bars are not at the same "
            f"times of day within every session of calendar = {study.data.calendar!r}"
        ]
    market = likely_market(prices.name.rpartition(".")[0], prices.dates) or "XNYS"
    return [
        "targets after the end of the file have no date; name its market, such as "
        f'calendar = "{market}", in [data]'
    ]
