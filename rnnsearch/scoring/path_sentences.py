"""The answer for a path in one sentence: both questions of each step, corrected over the steps."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rnnsearch.language import _, counted, listed, marked
from rnnsearch.language.names import reason as reason_told
from rnnsearch.scoring.inference.information import Information, holm_of_known
from rnnsearch.scoring.inference.significance import LEVEL, DieboldMariano
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.sentences import Verdict, both, charge, compared, opened, p_shown

NOTHING = marked("doing nothing")


@dataclass(frozen=True)
class StepTests:
    """What is known of a step: `ahead` sessions after the origin; `skill` of its own rows."""

    ahead: int
    information: Information | Skipped
    accuracy: DieboldMariano | Skipped
    skill: float


@dataclass(frozen=True)
class StepVerdict:
    """p of a step, one-sided, charged for the opening and corrected over the steps (Holm 1979).

    None where a test did not apply.
    """

    ahead: int
    informative: bool
    better: bool
    worse: bool
    p_information: float | None
    p: float | None
    p_worse: float | None


@dataclass(frozen=True)
class PathVerdict(Verdict):
    """The answer for the path: `p` and `p_information` are the least of its steps."""

    p_worse: float | None = None
    steps: list[StepVerdict] = field(default_factory=list)


def path_verdict(
    steps: Sequence[StepTests],
    *,
    skill: float,
    rows: int,
    first: str,
    last: str,
    trials: int,
    opening: int,
    others: Sequence[str] = (),
) -> PathVerdict:
    """Say what the champion is worth on `rows` locked paths, from `first` to `last`.

    Each step is asked what a forecast of one step is (see `sentences.verdict`): does it carry
    information, and, only where it does, is it more accurate than the naive forecast that is
    hardest at that step? Each question is corrected over the steps, so that all of them err no more
    often than one. `skill` is the mean over the steps.
    """
    found = _judged(steps, charge(opening))
    informative = [one.ahead for one in found if one.informative]
    better = [one.ahead for one in found if one.better]
    worse = [one.ahead for one in found if one.worse]
    p_information = _least([one.p_information for one in found])
    p, p_worse = _least([one.p for one in found]), _least([one.p_worse for one in found])
    measured = _measured(steps, skill, worse if not better else [], p, p_worse)
    told = _information_told(steps, informative, p_information)
    if better:
        answer = _("Better than doing nothing {ahead}", ahead=_ahead(better))
        said = both(measured, told)
    elif informative:
        answer = _("Informative, but not yet more accurate than doing nothing")
        said = _("{one}, but {other}", one=told, other=measured)
    elif worse:
        answer = _("Worse than doing nothing {ahead}", ahead=_ahead(worse))
        said = both(measured, told)
    elif p is None and p_information is None:
        answer, said = _("Cannot be told"), measured
    else:
        answer, said = _("Not distinguishable from doing nothing"), both(told, measured)
    sentence = _(
        "{answer}: {where} {said}, corrected over the steps (Holm), {after}.",
        answer=answer,
        where=_(
            "on {rows:,} locked paths of {steps} sessions from {first} to {last}",
            rows=rows,
            steps=len(steps),
            first=first,
            last=last,
        ),
        said=said,
        after=counted("after {count:,} trial", "after {count:,} trials", trials)
        + _("; {opened}", opened=opened(opening, others)),
    )
    return PathVerdict(bool(better), bool(informative), p, p_information, sentence, p_worse, found)


def _measured(
    steps: Sequence[StepTests],
    skill: float,
    worse: Sequence[int],
    p: float | None,
    p_worse: float | None,
) -> str:
    mean = _(
        "the champion's error is {compared}, the mean of the steps",
        compared=compared(skill, _(NOTHING)),
    )
    if worse:
        return _(
            "{mean}, and above it {ahead} (least {p}, Diebold–Mariano)",
            mean=mean,
            ahead=_ahead(worse),
            p=p_shown(p_worse or 0.0),
        )
    if p is None:
        reason = reason_told(_reason(steps, "accuracy"))
        return _("{mean}, and cannot be judged: {reason}", mean=mean, reason=reason)
    return _("{mean} (least {p}, Diebold–Mariano)", mean=mean, p=p_shown(p))


def _information_told(
    steps: Sequence[StepTests], informative: Sequence[int], p: float | None
) -> str:
    if p is None:
        reason = reason_told(_reason(steps, "information"))
        return _("whether they carry information cannot be told: {reason}", reason=reason)
    if informative:
        return _(
            "the forecasts carry information about what came {ahead} (least {p}, Clark–West)",
            ahead=_ahead(informative),
            p=p_shown(p),
        )
    return _(
        "there is no information in the forecasts of any step that can be told from chance "
        "(least {p}, Clark–West)",
        p=p_shown(p),
    )


def headline(verdict: str) -> str:
    """The first words of a verdict, as English has kept them, in the user's language."""
    found = re.fullmatch("(Better|Worse) than doing nothing (.+) sessions? ahead", verdict)
    if found is None:
        return _(verdict)
    steps = found[2]
    for text in (" to ", " and ", ", "):
        steps = steps.replace(text, _(text))
    ahead = _("{steps} sessions ahead", steps=steps)
    if found[1] == "Better":
        return _("Better than doing nothing {ahead}", ahead=ahead)
    return _("Worse than doing nothing {ahead}", ahead=ahead)


def _judged(steps: Sequence[StepTests], times: float) -> list[StepVerdict]:
    information = [
        None if isinstance(one.information, Skipped) else one.information.p for one in steps
    ]
    better = [None if isinstance(one.accuracy, Skipped) else one.accuracy.p_better for one in steps]
    worse = [None if p is None else 1 - p for p in better]
    corrected = (
        holm_of_known([None if p is None else min(1.0, times * p) for p in each])
        for each in (information, better, worse)
    )
    found = []
    for one, known, p, p_worse in zip(steps, *corrected, strict=True):
        informative = known is not None and known < LEVEL
        found.append(
            StepVerdict(
                ahead=one.ahead,
                informative=informative,
                better=informative and p is not None and p < LEVEL and one.skill > 0,
                worse=p_worse is not None and p_worse < LEVEL and one.skill < 0,
                p_information=known,
                p=p,
                p_worse=p_worse,
            )
        )
    return found


def _least(p_values: Sequence[float | None]) -> float | None:
    return min((p for p in p_values if p is not None), default=None)


def _reason(steps: Sequence[StepTests], name: str) -> str:
    return next(found.reason for one in steps if isinstance(found := getattr(one, name), Skipped))


def _ahead(steps: Sequence[int]) -> str:
    """1, 2, 3, 5 -> "1 to 3 and 5 sessions ahead"."""
    ends = np.flatnonzero(np.diff(steps) != 1)
    runs = np.split(np.asarray(steps), ends + 1)
    texts = [
        text
        for run in runs
        for text in (
            [_("{low} to {high}", low=run[0], high=run[-1])]
            if len(run) > 2
            else [str(number) for number in run]
        )
    ]
    told = texts[0] if len(texts) == 1 else _(" and ").join([listed(texts[:-1]), texts[-1]])
    if texts == ["1"]:
        return _("{steps} session ahead", steps=told)
    return _("{steps} sessions ahead", steps=told)
