"""What the champion says about tomorrow."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from rnnsearch.config import StudyFile
from rnnsearch.config.paths import journal_fault
from rnnsearch.data.markets.calendars import are_days
from rnnsearch.data.markets.proposals import likely_market
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import NoTrialError, RnnsearchError, StudyFileError
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.forecasting.spec import ForecasterSpec
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.journal import append
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import trained
from rnnsearch.verdict.journal.recording import written_down
from rnnsearch.verdict.plain import as_json
from rnnsearch.verdict.renewal import age, answer_of, data_of, evaluated_champion, newest_weights

FORKED = (
    "`rnnsearch search STUDY --fork NAME` begins a study whose networks forecast the change from "
    "the last price"
)
TOLD = 5
"""Most inputs named in a note."""

OLD = 0.1
"""Weights are old once so many times their training rows have passed."""


def predict(
    study: StudyFile,
    *,
    data: Path | None = None,
    origins: int | None = None,
    level: float = 0.9,
    record: bool = False,
) -> dict[str, Any]:
    """Dated forecasts of the study's champion, from the study's data or from `data`; plain JSON.

    It is the newest refit of the evaluated champion, where there is one. With `record` they are
    entered in the study's journal, each once.

    Keys: study, champion (trial number), trained (rows, first and last target that trained it,
    whether it is a refit, sessions since), level, forecasts (rows of `Forecaster.forecast`), notes,
    outside (inputs outside what training saw, as `Forecaster.outside` tells them),
    verdict (the sentence of the last evaluation), openings, recorded (how many forecasts are new in
    the journal, were there, and came too late to count; None where none were to be recorded). The
    study's file may have grown since.

    Raises NoTrialError before `evaluate`, RnnsearchError before the first `refit` of a study
    without locked rows, StorageError where the champion's folder is damaged, gone, or not that of
    the last evaluation.
    """
    if study.data.pool:
        from rnnsearch.verdict.pooled.predicting import predict_pool

        return predict_pool(study, data=data, origins=origins, level=level, record=record)
    if record:
        check_recorded(study)
    store = Store(study, create=False)
    with storage_errors(store.url):
        answer = answer_of(store, study)
        if answer is None:
            raise _no_champion(study, store)
        # The study file must still be the one that was searched; its data may be newer.
        store.claim(study.fingerprint(), store.data)
    forecaster = evaluated_champion(study, answer)
    forecaster = newest_weights(study, forecaster.spec.identity) or forecaster
    spec = forecaster.spec
    # A calendar may have been named since: it dates forecasts and changes none.
    forecaster = replace(forecaster, spec=replace(spec, calendar=study.data.calendar))
    # Joined series that the champion does not use need not be there.
    used = {join["prefix"] for join in spec.data["join"]}
    joins = tuple(join for join in study.data.join if join.prefix in used)
    section = data_of(study, spec, data).data.model_copy(update={"join": joins})
    prices = read_prices(section)
    table = forecaster.table(prices)
    frame = forecaster.forecast(prices, origins=origins, level=level, table=table)
    recorded = None
    if record:
        entries = written_down(forecaster, prices, table, frame, level, study.data)
        with storage_errors(store.url):
            new = append(store, entries)
        recorded = {
            "new": new,
            "known": len(entries) - new,
            "late": sum(bool(entry.said.late) for entry in entries),
        }
    outside, since = forecaster.outside(table), age(spec, prices)
    notes = [
        *prices.warnings,
        *table.notes,
        *forecaster.notes(prices),
        *_beyond(outside, forecaster, store.formerly),
        *old_weights(study, spec, since),
        *in_sample(spec, frame),
        *undated(study, prices, frame),
    ]
    return {
        "study": study.name,
        "champion": spec.trial,
        "trained": trained_on(spec, since),
        "level": level,
        "forecasts": as_json(frame.to_dict("records")),
        "notes": notes,
        "outside": as_json(outside),
        "verdict": answer["verdict"]["sentence"],
        "openings": answer["openings"],
        "recorded": recorded,
    }


OLD_WEIGHTS = "the weights were trained on rows until"


def trained_on(spec: ForecasterSpec, since: int) -> dict[str, Any]:
    """What trained the weights, `since` so many sessions; None where that was not told then."""
    return {
        "rows": spec.trained_rows or None,
        "first": spec.trained_first or None,
        "last": spec.trained_last or None,
        "refit": bool(spec.refit_of),
        "sessions_since": since,
    }


def check_recorded(study: StudyFile) -> None:
    """Raises StudyFileError where no journal can judge the study's forecasts."""
    if fault := journal_fault(study):
        raise StudyFileError(
            f"--record: {fault}; leave --record out (--export FILE keeps what was said), or search "
            "a study with steps = 1"
        )


def _no_champion(study: StudyFile, store: Store) -> RnnsearchError:
    if study.split.test or not trained(store.trials()):
        first = "evaluate" if study.split.test else "search"
        return NoTrialError(
            f"{study.name}: there is no champion yet; run `rnnsearch {first}` first"
        )
    return RnnsearchError(
        f"{study.name}: there is no champion yet, and no rows are locked that one could be tested "
        "on; run `rnnsearch refit`, which trains the best trial on all rows, untested"
    )


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


def old_weights(
    study: StudyFile, spec: ForecasterSpec, sessions: int, series: int = 1
) -> Iterator[str]:
    """That the weights know nothing of the last tenth or more of what could be known; of many
    `series` they learnt from so many rows together."""
    rows = spec.trained_rows / series
    if sessions > OLD * rows > 0:
        share = 100 * sessions / (sessions + rows)
        yield (
            f"{OLD_WEIGHTS} {spec.trained_last}, and the {sessions:,} "
            f"sessions since are {share:.0f} % of all; `rnnsearch refit {study.name}` trains them "
            "on all rows"
        )


def in_sample(spec: ForecasterSpec, forecasts: pd.DataFrame) -> Iterator[str]:
    """That forecasts of what trained the weights say nothing about how good they are."""
    dates = pd.to_datetime(forecasts["target_date"]).dropna()
    known = int((dates <= pd.Timestamp(spec.trained_last)).sum()) if spec.trained_last else 0
    if known:
        yield (
            f"{known:,} of {len(forecasts):,} targets are rows that trained the weights; how near "
            "these forecasts come says nothing about the others"
        )


def undated(study: StudyFile, prices: Prices, forecasts: pd.DataFrame) -> list[str]:
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
