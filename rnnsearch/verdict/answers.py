"""The answer: made of the locked rows, kept in the store, charged for its opening when it is told.

Study attributes: `evaluation`, the last answer; `among`, what it is among many series;
`explanation`, what `explanation.explain` said last.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from rnnsearch.arrays import Floats, rounded
from rnnsearch.language import _, in_english, used
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.scoring import baselines, metrics, sentences
from rnnsearch.scoring.inference import significance, together
from rnnsearch.scoring.inference.information import Information
from rnnsearch.scoring.inference.skipped import result_of
from rnnsearch.scoring.path_sentences import PathVerdict
from rnnsearch.scoring.trading.words import EARLIER
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.damage import DIGEST
from rnnsearch.search.store.openings import openings_so_far
from rnnsearch.search.store.store import Store
from rnnsearch.shown import day
from rnnsearch.verdict import comparison, paths
from rnnsearch.verdict.beside import corrected
from rnnsearch.verdict.champion import Candidate
from rnnsearch.verdict.comparison import Line
from rnnsearch.verdict.plain import as_json
from rnnsearch.verdict.walk import Walk

EXPLANATION = "explanation"

Say = Callable[[str], None]


@in_english()
def stored_answer(store: Store) -> dict[str, Any] | None:
    """The last evaluation, its verdict charged for the opening it was; None before the first.

    `openings` are all of the test so far, also of other studies of the same rows and of runs that
    died before they had an answer.
    """
    stored = store.notes().get("evaluation")
    if stored is None:
        return None
    answer: dict[str, Any] = {k: v for k, v in stored.items() if k != DIGEST}
    answer.setdefault("trading", {"reason": EARLIER})
    if "opening_id" not in answer:  # of an earlier version
        openings = store.openings
        verdict: dict[str, Any] | PathVerdict = _old_verdict(answer, openings)
        times = float(openings)
    else:
        openings = max(openings_so_far(store, answer["opening_id"]), answer["opening"])
        verdict = paths.verdict(answer) if paths.STEPS in answer else _verdict(answer)
        times = sentences.charge(answer["opening"])
    if isinstance(verdict, PathVerdict):
        answer, verdict = paths.judged(answer, verdict, times), asdict(verdict)
    else:
        answer["corrected"] = _corrected(answer["significance"], times)
    told = {**answer, "openings": openings, "verdict": as_json(verdict)}
    told |= _beyond(told)
    noted = store.notes().get(AMONG)
    if noted is None or noted["opening_id"] != answer.get("opening_id"):
        return told
    return among(told, noted)


def _beyond(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What the champion is worth beside the target's hurdle, as `beyond`; nothing where there is
    none.

    Keys: baseline, skill, p (corrected, one-sided; None where there is none), better, sentence.
    """
    name = answer.get("hurdle")
    if name is None:
        return {}
    test, errors = f"diebold_mariano_{name}", {r["forecast"]: r["rmse"] for r in answer["table"]}
    result = answer["significance"].get(test) or {"reason": answer["baselines"].get(name, "")}
    one = baselines.by_name(name)
    in_words = one.rival if one is not None and one.rival else name
    p, skill = answer["corrected"].get(test), None
    if errors.get(name):
        skill = 1 - errors["champion"] / errors[name]
    known = -math.inf if skill is None else skill
    return {
        "beyond": {
            "baseline": name,
            "skill": skill,
            "p": p,
            "better": p is not None and p < significance.LEVEL and known > 0,
            "sentence": sentences.beyond(in_words, known, p, result.get("reason", "")),
        }
    }


def told_sentence(answer: Mapping[str, Any]) -> str:
    """The verdict of an answer in the user's language; what is kept of it is English.

    So are verdicts of earlier versions.
    """
    if used() == "en" or "opening_id" not in answer:
        return _(str(answer["verdict"]["sentence"]))  # that of no test is in the catalogue
    noted, alone = answer.get(AMONG), told_alone(answer)
    return alone if noted is None or noted["count"] < 2 else _among(noted, alone)


def told_alone(answer: Mapping[str, Any]) -> str:
    """The same of a series without what it is among others."""
    if used() == "en" or "opening_id" not in answer:
        return _(str(answer.get(AMONG, {}).get("alone", answer["verdict"]["sentence"])))
    return (
        paths.verdict(answer).sentence
        if paths.STEPS in answer
        else str(_verdict(answer)["sentence"])
    )


def told_beyond(answer: Mapping[str, Any]) -> str:
    """What the champion is worth beside the target's hurdle, in the user's language; empty where
    there is none."""
    if used() == "en" or "beyond" not in answer:
        return str(answer.get("beyond", {}).get("sentence", ""))
    return str(_beyond(answer)["beyond"]["sentence"])


AMONG = "among"
"""Study attribute: the verdict among all series of a study of many, as of the last evaluation."""


def among(answer: dict[str, Any], noted: Mapping[str, Any]) -> dict[str, Any]:
    """An answer with the verdict that it has among the series of a study of many.

    `noted`: the fields of `together.Corrected`, and the `count` of the series. The answer's own
    sentence is then under `among`, as `alone`.
    """
    verdict = answer["verdict"]
    alone = answer.get(AMONG, {}).get("alone", verdict["sentence"])
    told = {**noted, "alone": alone}
    if noted["count"] > 1:
        with in_english():
            sentence = _among(noted, alone)
        better = noted["kind"] == "better"
        informative = better or noted["kind"] == "informative"
        verdict = verdict | {"better": better, "informative": informative, "sentence": sentence}
    return {**answer, "verdict": verdict, AMONG: told}


def _among(noted: Mapping[str, Any], alone: str) -> str:
    return _(
        "{headline}: corrected over {count} series, p = {informative:.3g} for information and "
        "{better:.3g} for better (Benjamini–Hochberg). Alone it would read: {alone}",
        headline=_(together.HEADLINES[noted["kind"]]),
        count=noted["count"],
        informative=noted["listed_informative"],
        better=noted["listed_better"],
        alone=alone,
    )


def compare(
    problem: Problem, winner: Candidate, champion: Forecaster, say: Say, walk: Walk | None = None
) -> dict[str, Any]:
    """The champion and the baselines on the locked rows, and the tests between them.

    With a walk the answer is that of the refits. The champion's one fit stands beside them as
    `one_fit`, and under that key what the answer would be without the walk, but for tests: a second
    set of them would be a second look.
    """
    once = comparison.one_fit(problem, winner.parameters, champion, say)
    without = _told(problem, winner, champion, once, say)
    if problem.steps > 1:
        later = []
        for step in range(1, problem.steps):
            say(_("comparing step {step} of {steps}", step=step + 1, steps=problem.steps))
            line = comparison.one_fit(problem, winner.parameters, champion, say, step)
            later.append(_told(problem, winner, champion, line, say, step=step))
        return paths.answer([without, *later], winner.parameters.output_shift) | {"walk": None}
    if walk is None:
        return without | {"walk": None}
    line = walk.line(once, say)
    answer = _told(problem, winner, champion, line, say, beside={ONE_FIT: once.champion})
    return answer | {"walk": walk.told(), ONE_FIT: {key: without[key] for key in WITHOUT}}


ONE_FIT = "one_fit"
"""The champion that was fitted once, as a forecast beside the one that was walked."""

WITHOUT = ("table", "hardest", "hardest_in_words", "seed_skills", "baselines", "interval")


def _told(
    problem: Problem,
    winner: Candidate,
    champion: Forecaster,
    line: Line,
    say: Say,
    beside: Mapping[str, Floats] | None = None,
    step: int = 0,
) -> dict[str, Any]:
    """What a way through the locked rows comes to; `beside` it stand further forecasts (n,)."""
    test, dates = line.test, problem.prices.dates
    every = line.forecasts
    forecasts = {"champion": every.pop("champion"), **(beside or {}), **every}
    tests = comparison.tests_of_the_champion(test, forecasts, problem.baselines, list(beside or ()))
    spec = champion.spec
    telling = comparison.once(say)
    return {
        "study": problem.study.name,
        "evaluated": time.strftime("%Y-%m-%d %H:%M:%S"),
        "champion": winner.as_plain() | {"seeds": list(spec.seeds), "identity": spec.identity},
        "test": {
            "rows": len(test.rows),
            "first": f"{dates[test.rows[0]]:%Y-%m-%d}",
            "last": f"{dates[test.rows[-1]]:%Y-%m-%d}",
        },
        "table": [
            {"forecast": name} | metrics.score(test.scored(values), problem.metrics, telling)
            for name, values in forecasts.items()
        ],
        **comparison.told_of_simple(problem, line.simple, say),
        "hardest": test.hardest,
        "hardest_in_words": test.target.naive_words[test.hardest],
        "seed_skills": [
            metrics.skill(test.actual, each, test.hardest_naive) for each in line.by_seed
        ],
        "significance": {name: asdict(result) for name, result in tests.items()},
        "interval": comparison.interval(champion, problem, test, line.champion, step),
        **({"quantiles": fan} if (fan := comparison.quantiles(line)) else {}),
        "dates": [day(date) for date in dates[test.rows]],
        "actual": rounded(test.actual),
        "origin_price": rounded(test.origin),
        "forecasts": {name: rounded(values) for name, values in forecasts.items()},
    }


# --- on the way ---------------------------------------------------------------------------------


def _verdict(answer: Mapping[str, Any]) -> dict[str, Any]:
    tests = answer["significance"]
    skill = answer["table"][0]["skill"]
    return asdict(
        sentences.verdict(
            result_of(tests["information"], Information),
            result_of(tests["diebold_mariano"], significance.DieboldMariano),
            skill=-math.inf if skill is None else skill,
            hardest=answer["hardest_in_words"],
            **answer["test"],
            trials=answer["trials"],
            opening=answer["opening"],
            others=answer["opened_before_by"],
            walked=_walked(answer),
        )
    )


def _walked(answer: Mapping[str, Any]) -> str:
    """Which way through the test the verdict is of, where it is not the one fit."""
    if pool := answer.get("pool"):
        return _(" of {count} series by one network", count=pool["count"])
    walk = answer.get("walk")
    return _(", refitted every {count} sessions", count=walk["every"]) if walk else ""


def _corrected(tests: Mapping[str, Mapping[str, Any]], times: float) -> dict[str, float]:
    found = zip(tests, corrected([*tests.items()], times), strict=True)
    return {name: p for name, p in found if p is not None}


def _old_verdict(answer: dict[str, Any], openings: int) -> dict[str, Any]:
    skill = answer["table"][0]["skill"]
    return asdict(
        sentences.old_verdict(
            result_of(answer["significance"]["diebold_mariano"], significance.DieboldMariano),
            skill=-math.inf if skill is None else skill,
            **answer["test"],
            trials=answer["trials"],
            openings=openings,
        )
    )
