"""How good the forecasts of a journal were, beside doing nothing.

Of each origin one forecast counts: the first that was made in time. Whoever makes it again, with
newer weights or after the fact, cannot choose the better one.

    n  forecasts that count and whose outcome is known, by the dates of their origins
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.config import DataSection
from rnnsearch.scoring import metrics
from rnnsearch.scoring.inference.drift import Sequential, sequential
from rnnsearch.search.store.entries import Entry
from rnnsearch.targets import Target
from rnnsearch.verdict.journal.recording import lateness

REPEATED = "another of the same day was made before"


@dataclass(frozen=True)
class Judged:
    """An entry, and why it does not count; "" where it does, or will once its outcome is known."""

    entry: Entry
    reason: str

    @property
    def counts(self) -> bool:
        return not self.reason and self.entry.outcome is not None


def judged(entries: Iterable[Entry], market: DataSection) -> list[Judged]:
    """Which of the forecasts count, in the order of their origins."""
    first: set[tuple[str, str]] = set()
    found = []
    for entry in entries:  # in the order in which they were made
        reason = entry.said.late or _late_after_all(entry, market)
        if not reason and (of := (entry.said.champion, entry.origin)) in first:
            reason = REPEATED
        elif not reason:
            first.add(of)
        found.append(Judged(entry, reason))
    return sorted(found, key=lambda one: one.entry.origin)


def _late_after_all(entry: Entry, market: DataSection) -> str:
    """Where the target's date was unknown, or the session was on another day than was forecast."""
    outcome = entry.outcome
    if outcome is None or outcome.date == entry.said.target:
        return ""
    made, trained = datetime.fromisoformat(entry.said.made), pd.Timestamp(entry.said.trained_last)
    return lateness(pd.Timestamp(outcome.date), made, trained, market)


def by_champion(forecasts: Sequence[Judged]) -> list[list[Judged]]:
    """The forecasts of each evaluated champion, with all of its refits; the newest first."""
    made: dict[str, str] = {}
    for one in forecasts:
        said = one.entry.said
        made[said.champion] = max(made.get(said.champion, ""), said.made)
    newest = sorted(made, key=lambda champion: made[champion], reverse=True)
    return [[one for one in forecasts if one.entry.said.champion == each] for each in newest]


def judge(forecasts: Sequence[Judged]) -> dict[str, Any]:
    """How good the forecasts of one champion were; plain, but for NaN.

    Keys: champion (trial number), identity, ahead, recorded, late, repeated, pending (not known
    yet), counted, first, last (target dates), table (a row of metrics for the champion and each
    naive forecast), hardest (of these), in_words (what each is called), skills (over each),
    interval (promised, share, rows), drift (drifted, since, p, ahead, p_better), course (after each
    of the n: date, skill, directional_accuracy, held, p; lists).
    """
    newest = max((one.entry for one in forecasts), key=lambda entry: entry.said.made)
    counted = [one.entry for one in forecasts if one.counts]
    repeated = sum(one.reason == REPEATED for one in forecasts)
    refused = sum(bool(one.reason) for one in forecasts)
    answer: dict[str, Any] = {
        "champion": newest.said.trial,
        "identity": newest.said.champion,
        "ahead": newest.ahead,
        "recorded": len(forecasts),
        "late": refused - repeated,
        "repeated": repeated,
        "pending": len(forecasts) - refused - len(counted),
        "counted": len(counted),
    }
    return answer | (_measured(counted) if counted else {})


def _measured(counted: Sequence[Entry]) -> dict[str, Any]:
    target = targets.get(counted[0].said.predict)
    actual = np.array([entry.outcome.actual for entry in counted if entry.outcome])
    dates = [entry.outcome.date for entry in counted if entry.outcome]
    forecast = np.array([entry.said.forecast for entry in counted])
    origin = np.array([entry.said.start for entry in counted])
    variants = _variants(counted)
    naive = {name: targets.hardest(actual, known)[1] for name, known in variants.items()}
    place, hardest = targets.hardest(actual, list(naive.values()))
    scored = metrics.Scored(
        actual=actual,
        forecast=forecast,
        naive=naive,
        hardest=hardest,
        origin=origin,
        target=target,
    )
    rows = {"champion": forecast, **naive}
    every = [known for several in variants.values() for known in several]
    horizon = counted[0].ahead
    test = sequential(actual, forecast, every, _scale(counted, target), horizon)
    held = _held(counted, actual)
    return {
        "first": min(dates),
        "last": max(dates),
        "table": [
            {"forecast": name} | metrics.score(scored.of(values)) for name, values in rows.items()
        ],
        "hardest": list(naive)[place],
        "in_words": {name: target.naive_words.get(name, name.replace("_", " ")) for name in naive},
        "skills": {name: metrics.skill(actual, forecast, known) for name, known in naive.items()},
        "interval": _interval(counted, held),
        "drift": _drift(test, dates),
        "course": {
            "date": dates,
            "skill": _running_skill(actual, forecast, every),
            "directional_accuracy": _running_mean(
                (forecast > scored.middle) == (actual > scored.middle)
                if target.directed
                else np.full(len(actual), np.nan)
            ),
            "held": _running_mean(held),
            "p": test.worse.tolist(),
        },
    }


def _variants(counted: Sequence[Entry]) -> dict[str, list[Floats]]:
    """The naive forecasts by name, with those variants that all entries have."""
    first = counted[0].said.naive
    fewest = {n: min(len(entry.said.naive.get(n, [])) for entry in counted) for n in first}
    return {
        name: [np.array([entry.said.naive[name][place] for entry in counted]) for place in range(m)]
        for name, m in fewest.items()
        if m
    }


def _scale(counted: Sequence[Entry], target: Target) -> Floats:
    """What was usual until the target's date, in its unit."""
    root = np.sqrt(counted[0].ahead) if target.priced else 1.0
    return np.array([0.5 if one.said.usual is None else one.said.usual * root for one in counted])


def _held(counted: Sequence[Entry], actual: Floats) -> Floats:
    """Whether each interval held its outcome, 0 or 1; NaN where there was none."""
    low, high = (
        np.array([np.nan if bound is None else bound for bound in bounds])
        for bounds in zip(*((entry.said.low, entry.said.high) for entry in counted), strict=True)
    )
    inside = ((low <= actual) & (actual <= high)).astype(np.float64)
    return np.where(np.isnan(low), np.nan, inside)


def _interval(counted: Sequence[Entry], held: Floats) -> dict[str, Any] | None:
    there = ~np.isnan(held)
    if not there.any():
        return None
    levels = [entry.said.level for entry, one in zip(counted, there, strict=True) if one]
    return {
        "promised": fmean(levels),
        "share": float(held[there].mean()),
        "rows": int(there.sum()),
    }


def _drift(test: Sequential, dates: Sequence[str]) -> Mapping[str, Any]:
    crossed = test.crossed
    return {
        "drifted": crossed is not None,
        "since": None if crossed is None else dates[crossed],
        "p": float(test.worse[-1]),
        "ahead": test.ahead,
        "p_better": float(test.better[-1]),
    }


def _running_skill(actual: Floats, forecast: Floats, naive: Sequence[Floats]) -> list[float]:
    """Skill over the first 1, 2, ... n forecasts; NaN where doing nothing was perfect."""
    own = np.cumsum((forecast - actual) ** 2)
    least = np.min([np.cumsum((known - actual) ** 2) for known in naive], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        skills = 1 - np.sqrt(own / least)
    return list(map(float, np.where(np.isfinite(skills), skills, np.nan)))


def _running_mean(values: Floats | np.ndarray) -> list[float]:
    """Means of what is there of the first 1, 2, ... n; NaN where nothing is."""
    there = ~np.isnan(np.asarray(values, dtype=np.float64))
    count, total = np.cumsum(there), np.cumsum(np.where(there, values, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return list(map(float, total / count))
