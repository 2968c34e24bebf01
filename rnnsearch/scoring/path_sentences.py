"""The answer for a path in one sentence: both questions of each step, corrected over the steps."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rnnsearch.scoring.inference.information import Information, holm_of_known
from rnnsearch.scoring.inference.significance import LEVEL, DieboldMariano
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.sentences import Verdict, charge, compared, opened, p_shown

NOTHING = "doing nothing"


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
    mean = f"the champion's error is {compared(skill, NOTHING)}, the mean of the steps"
    if worse and not better:
        least = p_shown(p_worse or 0.0)
        measured = f"{mean}, and above it {_ahead(worse)} (least {least}, Diebold–Mariano)"
    elif p is None:
        measured = f"{mean}, and cannot be judged: {_reason(steps, 'accuracy')}"
    else:
        measured = f"{mean} (least {p_shown(p)}, Diebold–Mariano)"
    if p_information is None:
        told = f"whether they carry information cannot be told: {_reason(steps, 'information')}"
    elif informative:
        told = (
            f"the forecasts carry information about what came {_ahead(informative)} "
            f"(least {p_shown(p_information)}, Clark–West)"
        )
    else:
        told = (
            "there is no information in the forecasts of any step that can be told from chance "
            f"(least {p_shown(p_information)}, Clark–West)"
        )
    if better:
        answer, said = f"Better than doing nothing {_ahead(better)}", f"{measured}, and {told}"
    elif informative:
        answer = "Informative, but not yet more accurate than doing nothing"
        said = f"{told}, but {measured}"
    elif worse:
        answer, said = f"Worse than doing nothing {_ahead(worse)}", f"{measured}, and {told}"
    elif p is None and p_information is None:
        answer, said = "Cannot be told", measured
    else:
        answer, said = "Not distinguishable from doing nothing", f"{told}, and {measured}"
    where = f"on {rows:,} locked paths of {len(steps)} sessions from {first} to {last}"
    after = f"after {trials:,} trial{'s' if trials != 1 else ''}; {opened(opening, others)}"
    sentence = f"{answer}: {where} {said}, corrected over the steps (Holm), {after}."
    return PathVerdict(bool(better), bool(informative), p, p_information, sentence, p_worse, found)


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
            [f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(number) for number in run]
        )
    ]
    listed = texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
    return f"{listed} session{'s' if texts != ['1'] else ''} ahead"
