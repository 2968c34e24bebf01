"""Verdicts on many series that are read together, corrected for how many they are.

Of thirty series without a signal one or two look as if they had one. Two corrections answer two
questions: Holm, whether there is one among them at all; Benjamini and Hochberg, which of them
belong on a list of which at most a share is expected to be there by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rnnsearch.language import marked
from rnnsearch.scoring.inference.information import holm
from rnnsearch.scoring.inference.significance import LEVEL

Kind = Literal["better", "informative", "worse", "not distinguishable", "cannot be told"]


HEADLINES: dict[str, str] = {
    "better": marked("Better than doing nothing"),
    "informative": marked("Informative, but not yet more accurate than doing nothing"),
    "worse": marked("Worse than doing nothing"),
    "not distinguishable": marked("Not distinguishable from doing nothing"),
    "cannot be told": marked("Cannot be told"),
}
IN_SHORT = (
    marked("better"),
    marked("informative"),
    marked("worse"),
    marked("not distinguishable"),
    marked("cannot be told"),
)
"""Kinds as tables have them, for the catalogue."""


@dataclass(frozen=True)
class Told:
    """What is told of one series alone: one-sided p, charged for openings, and the skill.

    None where a test did not apply.
    """

    p_information: float | None
    p_better: float | None
    p_worse: float | None
    skill: float | None


@dataclass(frozen=True)
class Corrected:
    """The same among all. `listed_*`: Benjamini and Hochberg; `holm_*`: Holm.

    "Better" is informative and more accurate, so its p is the larger of the two (the test of a
    union, Berger 1982): a series that is better is informative too, and all claims together err no
    more often than those of information.
    """

    kind: Kind
    listed_informative: float
    listed_better: float
    holm_informative: float
    holm_better: float

    @property
    def better(self) -> bool:
        return self.kind == "better"

    @property
    def informative(self) -> bool:
        return self.kind in ("better", "informative")


def corrected(series: Sequence[Told]) -> list[Corrected]:
    """One per series, in order. A test that did not apply counts as one with p = 1."""
    information = [_p(one.p_information) for one in series]
    better = [max(_p(one.p_information), _p(one.p_better)) for one in series]
    worse = benjamini_hochberg([_p(one.p_worse) for one in series])
    columns = zip(
        series,
        benjamini_hochberg(information),
        benjamini_hochberg(better),
        holm(information),
        holm(better),
        worse,
        strict=True,
    )
    return [
        Corrected(_kind(one, listed, listed_better, listed_worse), listed, listed_better, *both)
        for one, listed, listed_better, *both, listed_worse in columns
    ]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """p-values such that of those below a level at most that share is expected to be by chance.

    In the order given; an empty list stays one. Where tests lean the same way, as those of series
    that move together do. Benjamini & Hochberg 1995, Controlling the false discovery rate;
    Benjamini & Yekutieli 2001 on which dependence it bears.
    """
    from statsmodels.stats.multitest import fdrcorrection  # multipletests collects garbage, too

    return [float(p) for p in fdrcorrection(p_values)[1]]


def _p(p: float | None) -> float:
    return 1.0 if p is None else p


def _kind(one: Told, informative: float, better: float, worse: float) -> Kind:
    skill = 0.0 if one.skill is None else one.skill
    if one.p_information is None and one.p_better is None:
        return "cannot be told"
    if better < LEVEL and skill > 0:
        return "better"
    if informative < LEVEL:
        return "informative"
    return "worse" if worse < LEVEL and skill < 0 else "not distinguishable"
