"""An answer that stands: why it is not of what was asked for now, where it is not."""

from typing import Any

from rnnsearch.config import StudyFile
from rnnsearch.language import _
from rnnsearch.scoring.sentences import times_shown
from rnnsearch.search.store.store import Store
from rnnsearch.verdict import trading
from rnnsearch.verdict import walk as walks
from rnnsearch.verdict.champion import Say


def say_it_stands(
    study: StudyFile, store: Store, answer: dict[str, Any], top: int, seeds: int, say: Say
) -> None:
    """Why what is shown is not what was asked for, where it is not."""
    basis, finished = answer["basis"], store.finished()
    walk = basis.get("walk")
    reasons = []
    if basis["seeds"] != seeds or basis.get("top", top) != top:
        reasons.append(
            _(
                "with seeds {seeds} and top {top}",
                seeds=basis["seeds"],
                top=basis.get("top", _("as it was")),
            )
        )
    if finished != answer["trials"]:
        reasons.append(
            _(
                "of the first {trials:,} trials ({finished:,} are finished now)",
                trials=answer["trials"],
                finished=finished,
            )
        )
    if walk != walks.asked(study):
        reasons.append(_("of one fit") if walk is None else _walked(walk))
    if basis.get("own", {}) != study.measuring_code:
        reasons.append(_("with what [evaluate] named then, and as its code was then"))
    if not trading.as_asked(study, answer):
        reasons.append(_("traded as [trade] said then"))
    if reasons:
        say(
            _(
                "the answer of {when} stands, {reasons}; `rnnsearch evaluate STUDY --again` opens "
                "the locked test once more, which costs it: p is then multiplied by {times}",
                when=answer["evaluated"],
                reasons=_(" and ").join(reasons),
                times=times_shown(answer["openings"] + 1),
            )
        )


def _walked(walk: dict[str, Any]) -> str:
    return _(
        "refitted every {every} sessions ({window}, {start})",
        every=walk["every"],
        window=_("of {count} rows", count=walk["window"])
        if isinstance(walk["window"], int)
        else _("expanding rows"),
        start=walk["start"],
    )
