"""The verdicts on all series, corrected for how many they are.

Corrected over are the series whose test was opened, whichever were asked for now: whoever opens one
after the other has opened them all.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rnnsearch.errors import AbsentStudyError, NoTrialError, RnnsearchError
from rnnsearch.language import _, counted, in_english, listed, marked
from rnnsearch.many.family import Family, Member
from rnnsearch.scoring import sentences
from rnnsearch.scoring.inference.significance import LEVEL
from rnnsearch.scoring.inference.together import Corrected, Told, corrected
from rnnsearch.scoring.words import probability
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.records import title
from rnnsearch.search.store.store import Store
from rnnsearch.verdict.answers import AMONG, among, stored_answer
from rnnsearch.verdict.evaluation import evaluate

Say = Callable[[str], None]

NAMED = 20  # series in a sentence
NOT_EVALUATED = marked("not evaluated")


@dataclass(frozen=True)
class Verdicts:
    """answers: the stored answer of each series that has one, its verdict that among all of them;
    missing: why another one has none.
    """

    family: Family
    answers: dict[Member, dict[str, Any]]
    among: dict[Member, Corrected]
    missing: dict[Member, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What all of them come to, in the user's language."""
        return _sentence(self.family.name, self.among)

    def plain(self) -> dict[str, Any]:
        """Plain JSON, which is English: study, sentence, at_least_one (Holm's p of information and
        of better), level, series (a row each, the surest first), missing.
        """
        rows = [_row(member, self.answers[member], self.among[member]) for member in self.answers]
        found = list(self.among.values())
        with in_english():
            sentence = self.sentence
        return {
            "study": self.family.name,
            "sentence": sentence,
            "level": LEVEL,
            "at_least_one": {
                "informative": min((one.holm_informative for one in found), default=None),
                "better": min((one.holm_better for one in found), default=None),
            },
            "series": sorted(rows, key=lambda row: (row["listed_better"], row["p_information"])),
            "missing": {member.series: reason for member, reason in self.missing.items()},
        }


def evaluate_all(
    family: Family,
    say: Say,
    *,
    top: int = 5,
    seeds: int = 3,
    again: bool = False,
    evaluated: Callable[[Member, Problem, dict[str, Any]], None] = lambda *told: None,
) -> Verdicts:
    """Open the locked test of each series, once, as `verdict.evaluation.evaluate` does with one.

    What was opened before stays so. A series that cannot be evaluated is told, and the others go
    on. `evaluated` is told of each as soon as all are corrected. Raises NoTrialError where none of
    them has an answer.
    """
    problems: dict[Member, Problem] = {}
    failed: dict[Member, str] = {}
    for number, member in enumerate(family.members, start=1):

        def tell(text: str, name: str = member.series, number: int = number) -> None:
            say(
                _(
                    "{series} ({number} of {count}): {text}",
                    series=name,
                    number=number,
                    count=len(family.members),
                    text=text,
                )
            )

        try:
            problem = Problem.load(member.study)
            evaluate(member.study, top=top, seeds=seeds, again=again, say=tell, problem=problem)
            problems[member] = problem
        except RnnsearchError as error:
            failed[member] = str(error)
            tell(str(error))
    if not problems:
        reason = next(iter(failed.values()), "")
        raise NoTrialError(f"{family.name}: none of its series could be evaluated: {reason}")
    verdicts = collect(family, failed)
    keep(verdicts)
    for member, problem in problems.items():
        evaluated(member, problem, verdicts.answers[member])
    return verdicts


def collect(family: Family, failed: dict[Member, str] | None = None) -> Verdicts:
    """What has been evaluated so far, of all series of the study."""
    answers: dict[Member, dict[str, Any]] = {}
    missing = dict(failed or {})
    for member in family.every:
        try:
            store = Store(member.study, create=False)
            with storage_errors(store.url):
                answer = stored_answer(store)
        except AbsentStudyError:
            answer = None
        if answer is not None:
            answers[member] = answer
        elif member not in missing:
            missing[member] = NOT_EVALUATED
    found = dict(zip(answers, corrected([_told(one) for one in answers.values()]), strict=True))
    said = {member: _noted(answers[member], one, len(found)) for member, one in found.items()}
    return Verdicts(family, said, found, missing)


def keep(verdicts: Verdicts) -> None:
    """Have each series' own study say what its verdict is among all, wherever it is told."""
    for member, answer in verdicts.answers.items():
        told = {key: value for key, value in answer[AMONG].items() if key != "alone"}
        store = Store(member.study, create=False)
        with storage_errors(store.url):
            if store.notes().get(AMONG) != told:
                store.note(AMONG, told)


def _noted(answer: dict[str, Any], one: Corrected, count: int) -> dict[str, Any]:
    noted = asdict(one) | {"count": count, "opening_id": answer.get("opening_id")}
    return among(answer, noted)


# --- one of them --------------------------------------------------------------------------------


def _told(answer: dict[str, Any]) -> Told:
    """p alone, charged for its opening; `p_worse` is that of the other side."""
    verdict = answer["verdict"]
    accuracy = answer["significance"].get("diebold_mariano", {})  # of a path each step has its own
    p_worse = verdict.get("p_worse")
    if "p_better" in accuracy and "opening_id" in answer:
        times = sentences.charge(answer["opening"])
        p_worse = min(1.0, times * (1 - accuracy["p_better"]))
    skill = answer["table"][0]["skill"]
    return Told(
        verdict["p_information"],
        verdict["p"],
        p_worse,
        -math.inf if skill is None else skill,
    )


def _row(member: Member, answer: dict[str, Any], one: Corrected) -> dict[str, Any]:
    champion, test, score = answer["champion"], answer["test"], answer["table"][0]
    return {
        "series": member.series,
        "study": member.study.name,
        "verdict": one.kind,
        "skill": score["skill"],
        "p_information": answer["verdict"]["p_information"],
        "p_better": answer["verdict"]["p"],
        "listed_informative": one.listed_informative,
        "listed_better": one.listed_better,
        "holm_informative": one.holm_informative,
        "holm_better": one.holm_better,
        "sharpe": _sharpe(answer),
        "network": title(champion["params"]),
        "trial": champion["trial"],
        "trials": answer["trials"],
        "openings": answer["openings"],
        "rows": test["rows"],
        "first": test["first"],
        "last": test["last"],
        "alone": answer[AMONG]["alone"],
    }


def _sharpe(answer: dict[str, Any]) -> float | None:
    """After costs, where the forecasts were traded."""
    rows = {row["account"]: row for row in answer["trading"].get("table", ())}
    return rows["champion"]["sharpe"] if "champion" in rows else None


# --- all of them --------------------------------------------------------------------------------


def _sentence(name: str, among: dict[Member, Corrected]) -> str:
    count = len(among)
    if not count:
        return _("{study}: no series is evaluated yet.", study=name)
    better = [member.series for member, one in among.items() if one.better]
    more = [m.series for m, one in among.items() if one.informative and not one.better]
    said = [
        counted(
            "{count} is better than doing nothing{names}",
            "{count} are better than doing nothing{names}",
            len(better),
            names=_names(better),
        )
        if better
        else _("none is better than doing nothing")
    ]
    if more:
        said.append(
            _("{count} more informative{names}", count=len(more), names=_names(more)),
        )
    surest = min(one.holm_informative for one in among.values())
    is_one = _("at least one is informative") if surest < LEVEL else _("all of it may be chance")
    return _(
        "{study}: of {count} evaluated series {said}; {is_one} ({p}, Holm). Of such a list at most "
        "{level:.0%} is expected to be there by chance (Benjamini–Hochberg).",
        study=name,
        count=count,
        said=listed(said),
        is_one=is_one,
        p=probability(surest),
        level=LEVEL,
    )


def _names(names: Sequence[str]) -> str:
    if not names:
        return ""
    told = listed(names[:NAMED])
    if len(names) > NAMED:
        told = _("{names} and {count} more", names=told, count=len(names) - NAMED)
    return _(" ({text})", text=told)
