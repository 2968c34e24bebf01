"""What the forecasts of a trial's validation rows are held to, fold by fold and series by series.

Skill is the mean over folds; of many series in one table the mean over the series of each, whatever
their volatilities are. Every series is held to the naive forecast that is hardest for it over all
of its folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.model.windows import Fold
from rnnsearch.scoring.metrics import Scored
from rnnsearch.scoring.parts import Part
from rnnsearch.scoring.quantiles import Fan, naive_fans
from rnnsearch.targets import Quotes, Target


@dataclass(frozen=True, eq=False)
class JudgedFold:
    """The parts of a fold that are scored, each with its naive forecast in place of one.

    places  where the rows of each stand among the fold's validation rows
    """

    parts: tuple[Part, ...]
    places: tuple[slice, ...]

    def of(self, said: Floats) -> list[Part]:  # (m,), or (m, Q) of quantiles
        """The parts with a forecast of the fold's validation rows."""
        return [
            replace(part, scored=_with(part.scored, said[place]))
            for part, place in zip(self.parts, self.places, strict=True)
        ]


def judge(
    folds: Sequence[Fold],
    quotes: Quotes,
    target: Target,
    h: int,
    scoring: int = targets.SCORING,
    levels: tuple[float, ...] = (),
) -> list[JudgedFold]:
    """How each fold is judged at output shift `h`; `scoring` as of `targets.SCORING`, `levels` of
    the quantiles that are forecast.

    Of many series, one that stood still on the validation rows of a fold is not scored there: doing
    nothing is perfect then.
    """
    series: dict[int, list[tuple[int, slice, Part]]] = {}
    for number, fold in enumerate(folds):
        begin = 0
        for one in fold.parts:
            place = slice(begin, begin := begin + len(one.validation))
            if len(one.validation):
                judged = _judged(one, quotes, target, h, scoring, levels)
                days = None if fold.days is None else fold.days[place]
                judged = replace(judged, days=days)
                series.setdefault(one.series, []).append((number, place, judged))
    found: list[tuple[int, slice, Part]] = []
    still: list[tuple[int, slice, Part]] = []
    for own in series.values():
        scored = [part.scored for _, _, part in own]
        name = targets.hardest_of_folds([s.actual for s in scored], [s.naive for s in scored])
        for number, place, part in own:
            hardest = part.scored.naive[name]
            held = replace(part, scored=replace(part.scored, forecast=hardest, hardest=hardest))
            perfect = len(series) > 1 and np.array_equal(hardest, part.scored.actual)
            (still if perfect else found).append((number, place, held))
    found = found or still  # where none moved, doing nothing cannot be beaten, as of one series
    of_folds = [
        [(place, part) for at, place, part in found if at == number] for number in range(len(folds))
    ]
    return [
        JudgedFold(tuple(part for _, part in own), tuple(place for place, _ in own))
        for own in of_folds
    ]


def _with(scored: Scored, said: Floats) -> Scored:
    if scored.fan is None:
        return scored.of(said)
    fan = scored.fan.of(said)
    return replace(scored, forecast=fan.median, fan=fan)


def _judged(
    fold: Fold,
    quotes: Quotes,
    target: Target,
    h: int,
    scoring: int,
    levels: tuple[float, ...],
) -> Part:
    rows = fold.validation
    actual = target.values(quotes.target, rows, h)
    naive = targets.naive_forecasts(target, quotes, rows, h, fold.train, scoring)
    first = next(iter(naive.values()))
    fan = None
    if levels:
        quantiles = naive_fans(target, quotes, rows, h, fold.train, levels)
        fan = Fan(levels, next(iter(quantiles.values())), quantiles)
    known = quotes.target[fold.begins : rows[0] - h + 1]
    scored = Scored(
        actual=actual,
        forecast=first,
        naive=naive,
        hardest=first,
        origin=quotes.target[rows - h],
        target=target,
        # How far prices that are known went on average in so many sessions.
        moved=float(np.abs(known[h:] - known[:-h]).mean()),
        fan=fan,
    )
    return Part(scored, rows)
