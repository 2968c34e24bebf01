"""The answer in one sentence, out of four: better, informative, not distinguishable, worse."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnsearch.language import _, counted, listed, marked
from rnnsearch.language.names import reason as reason_told
from rnnsearch.scoring.inference.information import Information
from rnnsearch.scoring.inference.significance import LEVEL, DieboldMariano
from rnnsearch.scoring.inference.skipped import Skipped


@dataclass(frozen=True)
class Verdict:
    """The answer in one sentence.

    `p` is that of "better", `p_information` that of "informative"; both are one-sided and corrected
    for earlier openings of the test. None where a test did not apply.
    """

    better: bool
    informative: bool
    p: float | None
    p_information: float | None
    sentence: str


def charge(opening: int) -> float:
    """What p is multiplied by at the `opening`-th look at a test (1 is the first).

    The first look may spend 4 of the 5 percent of `LEVEL`, each later one half of what is left:
    0.5, 0.25, 0.125 ... So however often a test is opened, all looks together err in at most 5 %,
    by the union bound: as long as each look's p is uniform without a signal. What is chosen by the
    p of an earlier look bends that a little (simulated: 6 %, `tests/bench/LOG.md`, section 13).
    """
    if opening < 1:
        raise ValueError(f"openings are counted from 1, got {opening}")
    return 1.25 if opening == 1 else 5.0 * 2.0 ** (opening - 1)


def verdict(
    information: Information | Skipped,
    accuracy: DieboldMariano | Skipped,
    *,
    skill: float,
    hardest: str,
    rows: int,
    first: str,
    last: str,
    trials: int,
    opening: int,
    others: Sequence[str] = (),
    walked: str = "",
) -> Verdict:
    """Say what the champion is worth on the `rows` locked rows from `first` to `last`.

    `walked` says, after a comma, by which refits, where it was more than the one before the rows.

    Two questions in order, each at `LEVEL`: does the forecast carry information, and, only where it
    does, is it more accurate than doing nothing? Asked in that order, both together err no more
    often than one (Maurer, Hothorn & Lehmacher 1995, fixed-sequence testing). `accuracy` and
    `skill` compare it with the `hardest` naive forecast, named in words.

    The number of `trials` is shown but not corrected for: the champion was chosen on validation
    rows, and only it met the locked ones. What uses the locked rows up is looking at them and
    searching on, so p is multiplied by `charge(opening)`. `others` are studies that looked before.
    """
    times = charge(opening)
    p, p_information, p_worse = None, None, None
    if not isinstance(information, Skipped):
        p_information = min(1.0, times * information.p)
    if not isinstance(accuracy, Skipped):
        p = min(1.0, times * accuracy.p_better)
        p_worse = min(1.0, times * (1 - accuracy.p_better))
    informative = p_information is not None and p_information < LEVEL
    better = informative and p is not None and p < LEVEL and skill > 0
    worse = p_worse is not None and p_worse < LEVEL and skill < 0

    told = _information_told(information, p_information, informative)
    if p is None or p_worse is None:
        reason = accuracy.reason if isinstance(accuracy, Skipped) else ""
        measured = _("the champion's error cannot be judged: {reason}", reason=reason_told(reason))
    else:
        shown = _("{p} for worse", p=p_shown(p_worse)) if worse else p_shown(p)
        measured = _(
            "the champion's error is {compared} ({p}, Diebold–Mariano)",
            compared=compared(skill, _(hardest)),
            p=shown,
        )
    where = _(
        "on {rows:,} locked sessions from {first} to {last}", rows=rows, first=first, last=last
    )
    where += _("{walked},", walked=walked) if walked else ""
    after = counted("after {count:,} trial", "after {count:,} trials", trials)
    after += _("; {opened}", opened=opened(opening, others))
    if better:
        answer, said = _("Better than doing nothing"), both(measured, told)
    elif informative:
        answer = _("Informative, but not yet more accurate than doing nothing")
        said = _("{one}, but {other}", one=told, other=measured)
    elif worse:
        answer, said = _("Worse than doing nothing"), both(measured, told)
    elif p is None and p_information is None:
        answer, said = _("Cannot be told"), measured
    else:
        answer, said = _("Not distinguishable from doing nothing"), both(told, measured)
    sentence = _(
        "{answer}: {where} {said}, {after}.", answer=answer, where=where, said=said, after=after
    )
    return Verdict(better, informative, p, p_information, sentence)


def both(one: str, other: str) -> str:
    """Two findings of which neither takes from the other."""
    return _("{one}, and {other}", one=one, other=other)


def beyond(other: str, skill: float, p: float | None, reason: str = "") -> str:
    """What the champion is worth beside a forecast that is harder to beat than doing nothing.

    `skill` compares it with `other`, named in words; `p` is one-sided, of being more accurate, and
    corrected; None for a `reason`.
    """
    if p is None:
        return _(
            "Against {other} nothing can be told: {reason}.",
            other=_(other),
            reason=reason_told(reason),
        )
    measured = _(
        "the champion's error is {compared} ({p}, Diebold–Mariano)",
        compared=compared(skill, re.split(" [(]|（", _(other))[0]),
        p=p_shown(p),
    )
    told = {"other": _(other), "measured": measured}
    if skill > 0 and p < LEVEL:
        return _("Better than {other}, too: {measured}, corrected for the tests beside it.", **told)
    return _(
        "Not shown to be better than {other}: {measured}, corrected for the tests beside it.",
        **told,
    )


def _information_told(
    information: Information | Skipped, p: float | None, informative: bool
) -> str:
    if isinstance(information, Skipped) or p is None:
        reason = information.reason if isinstance(information, Skipped) else ""
        return _(
            "whether the forecasts carry information cannot be told: {reason}",
            reason=reason_told(reason),
        )
    shown = _("{p}, Clark–West", p=p_shown(p))
    if informative:
        return _("the forecasts carry information about what came ({p})", p=shown)
    return _("there is no information in the forecasts that can be told from chance ({p})", p=shown)


_ORDINALS = (
    marked("first opening of the test"),
    marked("second opening of the test"),
    marked("third opening of the test"),
    marked("fourth opening of the test"),
    marked("fifth opening of the test"),
    marked("sixth opening of the test"),
    marked("seventh opening of the test"),
    marked("eighth opening of the test"),
    marked("ninth opening of the test"),
    marked("tenth opening of the test"),
)

_LATER = {
    1: marked("{number}st opening of the test"),
    2: marked("{number}nd opening of the test"),
    3: marked("{number}rd opening of the test"),
    0: marked("{number}th opening of the test"),
}
"""By the last digit."""


def opened(opening: int, others: Sequence[str]) -> str:
    if opening <= len(_ORDINALS):
        text = _(_ORDINALS[opening - 1])
    else:
        teens = 11 <= opening % 100 <= 13
        text = _(_LATER.get(0 if teens else opening % 10, _LATER[0]), number=opening)
    if len(others) > 3:
        text += _(" (before by {names} and others)", names=listed(others[:3]))
    elif others:
        text += _(" (before by {names})", names=listed(others))
    return _("{opened}, so p is multiplied by {times}", opened=text, times=times_shown(opening))


def times_shown(opening: int) -> str:
    """What p is multiplied by at an opening, as it is read."""
    times = charge(opening)
    return f"{times:,g}" if times < 1e6 else _("more than a million")


def old_verdict(
    test: DieboldMariano | Skipped,
    *,
    skill: float,
    rows: int,
    first: str,
    last: str,
    trials: int,
    openings: int,
) -> Verdict:
    """The verdict of an evaluation from before there were two questions, as it was told then."""
    where = f"on {rows:,} locked sessions from {first} to {last}"
    if isinstance(test, Skipped):
        return Verdict(False, False, None, None, f"Cannot be told: {test.reason} ({where}).")
    p = min(1.0, openings * test.p_better)
    p_worse = min(1.0, openings * (1 - test.p_better))
    better, worse = skill > 0 and p < LEVEL, skill < 0 and p_worse < LEVEL
    answer = "Better than" if better else "Worse than" if worse else "Not distinguishable from"
    shown = f"{p_shown(p_worse)} for worse" if worse else p_shown(p)
    return Verdict(
        better,
        False,
        p,
        None,
        f"{answer} doing nothing: {where} the champion's error is "
        f"{compared(skill, 'the naive forecast')} ({shown}, Diebold–Mariano), after {trials:,} "
        f"trials; opened {'once' if openings == 1 else f'{openings} times'}. This is an evaluation "
        "of an earlier version, against no change alone and without the question of information: "
        "`rnnsearch evaluate --again` asks both.",
    )


def compared(skill: float, naive: str) -> str:
    if skill == 0:
        return _("the same as that of {naive}", naive=naive)
    if not np.isfinite(skill):
        return _("above that of {naive}, which is perfect", naive=naive)
    percent = 100 * abs(skill)
    shown = f"{percent:,.0f}" if percent >= 10 else f"{percent:.2g}"
    if skill > 0:
        return _("{share} % below that of {naive}", share=shown, naive=naive)
    return _("{share} % above that of {naive}", share=shown, naive=naive)


def p_shown(p: float) -> str:
    """p with three digits, or as many as show on which side of the level it lies."""
    if p < 0.001:
        return "p < 0.001"
    texts = [f"{p:.{digits}f}" for digits in (3, 4, 5, 6)]
    return "p = " + next((text for text in texts if (float(text) < LEVEL) == (p < LEVEL)), texts[0])
