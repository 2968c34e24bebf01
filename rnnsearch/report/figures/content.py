"""What the pictures of a search show, computed once; `search` draws them for the page, `images` for
MLflow. Titles and captions are text beside the picture, where they wrap on a telephone.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from rnnsearch.config import IntRange, SpaceSection
from rnnsearch.language import _, counted
from rnnsearch.report.comparisons import Comparison, comparisons
from rnnsearch.report.contributions import (
    ALL,
    Importance,
    InputStatistics,
    ShiftGain,
    fenced,
    in_words,
    shift_gain,
)
from rnnsearch.report.figures.style import share
from rnnsearch.scoring.metrics import get
from rnnsearch.search.driver.asking import MEASURED_TRIALS
from rnnsearch.search.inputs.pursuit import FOUND
from rnnsearch.search.store.view import TrialView

SHOWN = 20
"""Most bars of a picture."""

MOST_SHIFTS = 15
"""Rows or columns of a grid; of more, only shifts that were tried have one."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A picture's name (for files), title and caption."""

    name: str
    title: str
    caption: str


@dataclass(frozen=True)
class Reached(Told):
    """Trial by trial: (number, gain) of each state, and the best complete one so far."""

    points: Mapping[str, Sequence[tuple[int, float]]]
    best: Sequence[tuple[int, float]]
    last: int
    """The number of the last trial."""

    @property
    def range(self) -> tuple[float, float] | None:
        """What of the gains is shown; None where there are none."""
        return visible_range([gain for points in self.points.values() for _, gain in points])


@dataclass(frozen=True)
class Bar:
    name: str
    length: float
    note: str
    """The length in words, or what to know beside it."""


@dataclass(frozen=True)
class Bars(Told):
    """Bars from the top down, the most important first; what is not above `dark_above` is pale.

    `shares`: lengths are gains or skills, of which axes tell percents.
    """

    bars: Sequence[Bar]
    axis: str
    dark_above: float = 0.0
    shares: bool = False


@dataclass(frozen=True)
class Strip:
    """The gains of the trials with one value; their median is None where there are none."""

    name: str
    gains: Sequence[float]
    median: float | None


@dataclass(frozen=True)
class Strips(Told):
    """A row of marks for each value, from the top down; gains under the range stand at its edge."""

    strips: Sequence[Strip]
    axis: str

    @property
    def range(self) -> tuple[float, float] | None:
        """What of the gains is shown; None where there are none."""
        return visible_range([gain for strip in self.strips for gain in strip.gains])


@dataclass(frozen=True)
class Grid(Told):
    """Mean gain by input shift (down) and output shift (across).

    `input_shifts` and `output_shifts` could be tried, and have a place whether they were or not.
    """

    cells: Sequence[ShiftGain]
    family: str = ALL
    input_shifts: Sequence[int] = ()
    output_shifts: Sequence[int] = ()

    @cached_property
    def rows(self) -> list[int]:
        return _places([cell.input_shift for cell in self.cells], self.input_shifts)

    @cached_property
    def columns(self) -> list[int]:
        return _places([cell.output_shift for cell in self.cells], self.output_shifts)

    @cached_property
    def found(self) -> list[list[ShiftGain | None]]:
        """The cells by row and column; None where nothing was tried."""
        known = {(cell.input_shift, cell.output_shift): cell for cell in self.cells}
        return [[known.get((s, h)) for h in self.columns] for s in self.rows]

    @property
    def reach(self) -> float:
        """The largest gain or loss; colours go from -reach to reach."""
        return max((abs(cell.gain) for cell in self.cells), default=0.0) or 1.0


def _places(tried: Sequence[int], possible: Sequence[int]) -> list[int]:
    """Those that were tried, those between them, and all that could be, where that is not many."""
    between = range(min(tried), max(tried) + 1) if tried else ()
    for every in ({*tried, *possible, *between}, {*tried, *between}):
        if len(every) <= MOST_SHIFTS:
            return sorted(every)
    return sorted(set(tried))


Content = Reached | Bars | Strips | Grid


def contents(
    trials: Sequence[TrialView],
    inputs: Sequence[InputStatistics],
    importance: Importance,
    space: SpaceSection | None = None,
) -> Iterator[Content]:
    """All that there is something to say on."""
    yield reached(trials)
    if importance.parameters:
        yield parameters(importance)
    yield from of_comparisons(comparisons(trials))
    yield from of_inputs(inputs)
    yield from of_shifts(shift_gain(trials), space)


def reached(trials: Iterable[TrialView]) -> Reached:
    points: dict[str, list[tuple[int, float]]] = {}
    best: list[tuple[int, float]] = []
    last = 0
    for trial in trials:
        last = max(last, trial.number)
        if (gain := _last_gain(trial)) is None:
            continue
        points.setdefault(trial.state, []).append((trial.number, gain))
        if trial.is_complete:
            best.append((trial.number, max(gain, best[-1][1]) if best else gain))
    gains = [gain for some in points.values() for _number, gain in some]
    low = (visible_range(gains) or (0.0, 0.0))[0]
    under = sum(gain < low for gain in gains)
    below = counted(
        " {count} trial lies below the picture.", " {count} trials lie below the picture.", under
    )
    return Reached(
        name="best_so_far",
        title=_("Trial by trial"),
        caption=_(
            "Each mark is one network, its gain on validation rows; the line is the best so far. "
            "0 is doing nothing."
        )
        + (below if under else ""),
        points=points,
        best=best,
        last=last,
    )


def _last_gain(trial: TrialView) -> float | None:
    """A complete trial's value, or the last gain that another one reached."""
    if trial.is_complete:
        return trial.gain
    gains = trial.gains
    return gains[-1] if gains and math.isfinite(gains[-1]) else None


def parameters(importance: Importance) -> Bars:
    note = _(" ({text})", text=in_words(importance.note)) if importance.note else ""
    return Bars(
        name="parameter_importance",
        title=_("Which parameters mattered"),
        caption=_("Share of the differences in gain that each explains on its own") + note + _("."),
        bars=[
            Bar(_(name.replace("_", " ")), 100 * share, f"{share:.0%}")
            for name, share in importance.parameters.items()
        ],
        axis=_("share of the differences in gain, %"),
    )


def of_comparisons(every: Sequence[Comparison]) -> Iterator[Strips]:
    """Cells, shifts and words; numbers of which few were tried are told in tables alone."""
    for number, one in enumerate(every):
        if not one.by_kind or not any(group.gains for group in one.groups):
            continue
        note = f"{_(' ')}{one.note[0].upper()}{one.note[1:]}{_('.')}" if one.note else ""
        yield Strips(
            name=f"compared_{one.parameter}" + (f"_{number}" if one.family else ""),
            title=_("By {parameter}", parameter=one.title),
            caption=_(
                "Each mark is a complete trial, its gain on validation rows; the bar is the median."
            )
            + note,
            strips=[
                Strip(f"{group.name} ({group.complete})", group.gains, group.median)
                for group in one.groups
            ],
            axis=_("{measure} (complete trials in brackets)", measure=_(get("gain").label)),
        )


def of_inputs(inputs: Sequence[InputStatistics]) -> Iterator[Bars]:
    """What the best trials need, who did better with an input, and the first ranking."""
    gain, skill = get("gain"), get("skill")
    if lost := [(one.input, one.permutation) for one in inputs if one.permutation is not None]:
        lost.sort(key=lambda row: -row[1])
        yield Bars(
            name="permutation_importance",
            title=_("What the best trials need"),
            caption=_(
                "How much skill the best {count} trials lose when the values of one of "
                "their inputs are shuffled, on validation rows. At 0 or below nothing is "
                "lost without it.",
                count=MEASURED_TRIALS,
            )
            + _first_of(len(lost)),
            bars=[Bar(name, loss, share(loss)) for name, loss in lost[:SHOWN]],
            axis=_("{measure} lost", measure=_(skill.label)),
            shares=True,
        )
    if compared := [(one, one.worth) for one in inputs if one.worth is not None]:
        compared.sort(key=lambda row: -row[1])
        yield Bars(
            name="inputs",
            title=_("Trials with and without an input"),
            caption=_(
                "Mean gain of the trials that used an input, less that of the trials that did not; "
                "beside it how many of the trials used it."
            )
            + _first_of(len(compared)),
            bars=[
                Bar(one.input, worth, _("{some} of {all}", some=one.chosen, all=one.trials))
                for one, worth in compared[:SHOWN]
            ],
            axis=_("mean {measure} with it − without it", measure=_(gain.label)),
            shares=True,
        )
    if ranked := [(one.rank, one) for one in inputs if one.rank is not None]:
        ranked.sort(key=lambda row: row[0])
        yield Bars(
            name="ranking",
            title=_("The ranking before the search"),
            caption=_(
                "What each input tells about the next moves on the training rows, after all that "
                "come before it. Above {least:g} (dark) chance gives one input in 20 such files.",
                least=FOUND,
            )
            + _first_of(len(ranked)),
            bars=[
                Bar(f"{rank}. {one.input}", one.evidence or 0.0, _signed(one.evidence or 0.0))
                for rank, one in ranked[:SHOWN]
            ],
            axis=_("evidence, −log(p × terms tried)"),
            dark_above=FOUND,
        )


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


def _first_of(count: int) -> str:
    return _(" The first {shown} of {count}.", shown=SHOWN, count=count) if count > SHOWN else ""


def of_shifts(
    gains: Mapping[str, Sequence[ShiftGain]], space: SpaceSection | None = None
) -> Iterator[Grid]:
    """A grid for each family of inputs whose shift was searched; `space`: what could be tried."""
    for number, (family, cells) in enumerate(gains.items()):
        if len(cells) < 2:
            continue
        yield Grid(
            name="date_shifts" if family == ALL else f"date_shifts_{number}",
            title=_("Mean gain by date shifts")
            if family == ALL
            else _("Date shifts of {family}", family=family),
            caption=_(
                "Down: how many sessions old the newest input is. Across: how many sessions "
                "ahead the forecast looks. n trials per cell; blue is better than doing nothing."
            ),
            cells=cells,
            family=family,
            input_shifts=possible(space.input_shift) if space else (),
            output_shifts=possible(space.output_shift) if space else (),
        )


def possible(dimension: int | Sequence[int] | IntRange) -> list[int]:
    """The whole numbers that a dimension of the space allows."""
    if isinstance(dimension, IntRange):
        return [*range(dimension.low, dimension.high + 1, dimension.step)]
    return [dimension] if isinstance(dimension, int) else [*dimension]


def visible_range(values: Sequence[float]) -> tuple[float, float] | None:
    """From the lower fence to the best value, with a margin: one wild trial hides no other."""
    if not values:
        return None
    low, high = float(fenced(values).min()), max(values)
    margin = 0.06 * ((high - low) or 1.0)
    return low - margin, high + margin
