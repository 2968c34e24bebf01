"""The answer for a path: of each step what there is of a forecast of one session, and all together.

    STEPS   the key of an answer that holds what there is of each step

At the top stand the mean over the steps (table, skill of each seed) and what pictures need of the
first one: dates, actual, origin_price, forecasts, interval. Tests stand with their steps.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from rnnsearch.model.paths import averaged
from rnnsearch.scoring.inference.information import Information
from rnnsearch.scoring.inference.significance import DieboldMariano
from rnnsearch.scoring.inference.skipped import result_of
from rnnsearch.scoring.path_sentences import NOTHING, PathVerdict, StepTests, path_verdict
from rnnsearch.verdict.beside import corrected
from rnnsearch.verdict.plain import as_json

STEPS = "steps"

OF_A_STEP = (
    "test", "table", "hardest", "hardest_in_words", "seed_skills", "baselines", "baseline_seconds",
    "significance", "interval", "dates", "actual", "origin_price", "forecasts",
)  # fmt: skip


def answer(steps: Sequence[Mapping[str, Any]], output_shift: int) -> dict[str, Any]:
    """Each step's answer, first to last, as one."""
    first, last = steps[0], steps[-1]
    return {
        **first,
        "test": first["test"] | {"last": last["test"]["last"]},
        "table": _mean_table([one["table"] for one in steps]),
        "hardest_in_words": NOTHING,
        "seed_skills": np.mean([one["seed_skills"] for one in steps], axis=0).tolist(),
        "baseline_seconds": {
            name: round(sum(one["baseline_seconds"].get(name, 0.0) for one in steps), 2)
            for name in first["baseline_seconds"]
        },
        "significance": {},
        STEPS: [
            {"ahead": ahead} | {key: one[key] for key in OF_A_STEP}
            for ahead, one in enumerate(steps, start=output_shift)
        ],
    }


def verdict(told: Mapping[str, Any]) -> PathVerdict:
    """Of a stored answer."""
    return path_verdict(
        [
            StepTests(
                one["ahead"],
                result_of(one["significance"]["information"], Information),
                result_of(one["significance"]["diebold_mariano"], DieboldMariano),
                _skill(one),
            )
            for one in told[STEPS]
        ],
        skill=_skill(told),
        **told["test"],
        trials=told["trials"],
        opening=told["opening"],
        others=told["opened_before_by"],
    )


def judged(told: Mapping[str, Any], found: PathVerdict, times: float) -> dict[str, Any]:
    """A stored answer with what is said of each step: its `verdict`, its tests `corrected`.

    What is tested beside the verdict's two questions is corrected together, over all steps.
    """
    tests = [(None, *one) for one in told["significance"].items()]
    for number, step in enumerate(told[STEPS]):
        tests += [(number, *one) for one in step["significance"].items()]
    p = corrected([(name, result) for _, name, result in tests], times)
    by_place: dict[int | None, dict[str, float]] = {None: {}}
    for (number, name, _), value in zip(tests, p, strict=True):
        if value is not None:
            by_place.setdefault(number, {})[name] = value
    return {
        **told,
        "corrected": by_place[None],
        STEPS: [
            step | {"verdict": as_json(asdict(said)), "corrected": by_place.get(number, {})}
            for number, (step, said) in enumerate(zip(told[STEPS], found.steps, strict=True))
        ],
    }


def _mean_table(tables: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The forecasts that all steps have, each metric the mean over the steps."""
    by_name = [{row["forecast"]: row for row in table} for table in tables]
    return [
        {"forecast": name} | averaged([_numbers(table[name]) for table in by_name])
        for name in by_name[0]
        if all(name in table for table in by_name)
    ]


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {key: value for key, value in row.items() if key != "forecast"}


def _skill(one: Mapping[str, Any]) -> float:
    skill = one["table"][0]["skill"]
    return -math.inf if skill is None else float(skill)
