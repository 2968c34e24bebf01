"""What a study of paths, `[data] steps` above 1, cannot have, and what only it has: why, and what
to write instead."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from rnnsearch import cells
from rnnsearch.config.dimensions import extremes
from rnnsearch.errors import shown

if TYPE_CHECKING:
    from rnnsearch.config.study import StudyFile

ONE = "write [data] steps = 1"

REFUSED: tuple[tuple[Callable[["StudyFile"], bool], str], ...] = (
    (
        lambda study: study.study.metric == "sharpe",
        '[study] metric = "sharpe" needs one date on which each position ends, and a path has '
        f'many; write metric = "skill", or {ONE}',
    ),
    (
        lambda study: study.study.metric == "pinball_skill",
        '[study] metric = "pinball_skill" compares distributions of one date; write metric = '
        f'"skill", or {ONE}',
    ),
    (
        lambda study: "quantile" in extremes(study.space.loss),
        f'[space] loss = "quantile" is the distribution of one date; leave it out, or {ONE}',
    ),
    (
        lambda study: study.data.pool,
        f"[data] pool = true is one network for one date of many series; leave pool out, or {ONE}",
    ),
    (
        lambda study: study.evaluate.refit_every > 0,
        "[evaluate] refit_every walks through the test with forecasts of one date each; leave it "
        f"out, or {ONE}",
    ),
    (
        lambda study: _of_volatility(study.data.predict),
        f'[data] predict = "volatility" is one number for all of the next sessions; {ONE}, or '
        'predict = "log_return"',
    ),
    (
        lambda study: bool(study.data.known_ahead),
        "[data] known_ahead: the window of such an input ends at the date that is forecast, and a "
        f"path has many; leave known_ahead out, or {ONE}",
    ),
)


def check_steps(study: "StudyFile") -> None:
    """Raises ValueError for the first thing that does not go with paths, or needs them."""
    if study.data.steps == 1:
        if study.space.decodes:
            raise ValueError(
                "[space] head: a decoder goes on from step to step, and [data] steps is 1; write "
                'head = "direct", or steps = 5'
            )
        return
    if study.space.decodes:
        _check_cells(study)
    for holds, reason in REFUSED:
        if holds(study):
            raise ValueError(f"[data] steps = {study.data.steps} forecasts paths, but {reason}")


def journal_fault(study: "StudyFile") -> str:
    """Why the forecasts of a study are in no journal; empty where they may be."""
    if study.data.steps == 1:
        return ""
    return (
        f"the journal judges forecasts of one date each, and [data] steps = {study.data.steps} "
        "forecasts paths"
    )


def _of_volatility(predict: str) -> bool:
    from rnnsearch import targets  # numpy

    return targets.get(predict).log_volatility


def _check_cells(study: "StudyFile") -> None:
    """A decoder begins in the state in which the encoder ends, which only our cells give."""
    for name in extremes(study.space.cell):
        if name not in cells.OURS:
            raise ValueError(
                f"[space] head: a decoder begins in the state that the encoder ends in, which only "
                f"{', '.join(cells.OURS)} give, and [space] cell has {shown(name)}; write "
                f'head = "direct", or leave that cell out'
            )
