"""What a search has found so far, as small images for MLflow's parent run.

Without plotly, whose pages hold 4 MB of script each; the report has the same to zoom into.
"""

import io
import math
import warnings
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnnsearch.report.contributions import (
    ALL,
    Importance,
    InputStatistics,
    ShiftGain,
    shift_gain,
)
from rnnsearch.report.figures.style import (
    BLACK,
    BLUE,
    DIVERGING,
    GREY,
    STATES,
    clipped,
    visible_range,
)
from rnnsearch.scoring.metrics import get
from rnnsearch.search.inputs.pursuit import FOUND
from rnnsearch.search.store.view import TrialView

SHOWN = 24
"""Most inputs or parameters in an image."""


def plots(
    trials: Sequence[TrialView], inputs: Sequence[InputStatistics], importance: Importance
) -> dict[str, Figure]:
    """Name -> image; of each kind that the trials have something to say on."""
    gain, skill = get("gain"), get("skill")
    drawn = {"best_so_far": _best_so_far(trials)}
    if importance.parameters:
        rows = [(name, share, f"{share:.0%}") for name, share in importance.parameters.items()]
        note = f" ({importance.note})" if importance.note else ""
        drawn["parameter_importance"] = _bars(
            f"Share of the differences in gain that each parameter explains{note}", rows
        )
    if ranked := [one for one in inputs if one.rank is not None]:
        ranked.sort(key=lambda one: one.rank or 0)
        most = max(FOUND, *(one.evidence or 0.0 for one in ranked))
        drawn["ranking"] = _bars(
            f"Evidence on training rows, after the inputs above; over {FOUND:g} is not chance",
            [
                (f"{o.rank}. {o.input}", max(o.evidence or 0, 0) / most, f"{o.evidence:+.1f}")
                for o in ranked
            ],
        )
    if lost := {one.input: one.permutation for one in inputs if one.permutation is not None}:
        most = max(*lost.values(), 1e-9)
        drawn["permutation_importance"] = _bars(
            "Gain that the best trials lose when the values of an input are shuffled",
            [(name, max(loss, 0) / most, skill.cell(loss)) for name, loss in lost.items()],
        )
    if chosen := [one for one in inputs if 0 < one.chosen < one.trials]:
        drawn["inputs"] = _bars(
            "How many trials chose an input; their mean gain, and that of the others",
            [
                (
                    one.input,
                    one.chosen / one.trials,
                    f"{one.chosen} of {one.trials}: {gain.cell(one.gain_with)}, "
                    f"{gain.cell(one.gain_without)}",
                )
                for one in chosen
            ],
        )
    for family, cells in shift_gain(trials).items():
        if len(cells) > 1:
            name = "date_shifts" if family == ALL else f"date_shifts_{family}"
            drawn[name] = _heat_map(cells, "" if family == ALL else f" of {family}")
    return drawn


def as_svg(figure: Figure) -> str:
    """The image as text; the same figure is the same text."""
    text = io.StringIO()
    plain = mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rnnsearch"})
    with plain, warnings.catch_warnings():
        # Text stays text: whoever shows the image has the letters that this machine lacks.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _best_so_far(trials: Sequence[TrialView]) -> Figure:
    """Gain of every trial in order, and the line of the best one."""
    reached = [
        (trial.number, trial.state, value)
        for trial in trials
        if (value := _reached(trial)) is not None
    ]
    figure, axes = _blank(
        "Gain on validation rows, trial by trial; the line is the best so far, 0 doing nothing"
    )
    low, high = visible_range([gain for *_, gain in reached]) or [-1.0, 1.0]
    for state, (colour, _) in STATES.items():
        points = [(number, max(gain, low)) for number, s, gain in reached if s == state]
        if points:
            x, y = zip(*points, strict=True)
            axes.scatter(x, y, s=16, color=colour, alpha=0.75, label=state)
    complete = [(number, gain) for number, state, gain in reached if state == "complete"]
    if complete:
        numbers, gains = zip(*complete, strict=True)
        best = np.maximum.accumulate(gains)
        last = max(trial.number for trial in trials)
        axes.plot([*numbers, last], [*best, best[-1]], color=BLACK, drawstyle="steps-post")
    axes.axhline(0, color=GREY, linewidth=1, zorder=0)
    axes.set_ylim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial")
    if reached:
        axes.legend(frameon=False, loc="lower right")
    return figure


def _reached(trial: TrialView) -> float | None:
    """A complete trial's value, or the last gain of another one."""
    if trial.is_complete:
        return trial.gain
    gains = trial.gains
    return gains[-1] if gains and math.isfinite(gains[-1]) else None


def _bars(title: str, rows: Sequence[tuple[str, float, str]]) -> Figure:
    """A bar from 0 to 1 for each row, from the top down: its name, length, text behind it."""
    figure, axes = _blank(title, height=1.0 + 0.24 * min(len(rows), SHOWN))
    names, lengths, texts = zip(*rows[:SHOWN], strict=True)
    places = range(len(names))
    axes.bar_label(axes.barh(places, lengths, color=BLUE), texts, padding=4, parse_math=False)
    axes.set_yticks(places, [clipped(name, 26) for name in names], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.6)  # with room for the texts
    axes.xaxis.set_visible(False)
    if len(rows) > SHOWN:
        axes.text(0, SHOWN, f"and {len(rows) - SHOWN} more", va="center")
    return figure


def _heat_map(cells: Sequence[ShiftGain], of: str) -> Figure:
    """Mean gain by input shift (down) and output shift (across), with the number of trials."""
    down, across = (sorted({getattr(c, n) for c in cells}) for n in ("input_shift", "output_shift"))
    title = "Mean gain by date shifts; blue is better than doing nothing"
    figure, axes = _blank(title, height=1.2 + 0.4 * len(down))
    gains = np.full((len(down), len(across)), np.nan)
    for cell in cells:
        place = down.index(cell.input_shift), across.index(cell.output_shift)
        gains[place] = cell.gain
        text = f"{cell.gain:+.3f}\nn={cell.trials}"
        axes.text(place[1], place[0], text, ha="center", va="center", fontsize=7)
    reach = np.nanmax(np.abs(gains)) or 1.0
    colours = LinearSegmentedColormap.from_list("gain", DIVERGING)
    axes.imshow(gains, cmap=colours, vmin=-reach, vmax=reach, aspect="auto", alpha=0.8)
    axes.set_xticks(range(len(across)), [str(shift) for shift in across])
    axes.set_yticks(range(len(down)), [str(shift) for shift in down])
    axes.set_xlabel("output shift")
    axes.set_ylabel(f"input shift{of}", parse_math=False)
    return figure


def _blank(title: str, height: float = 3.6) -> tuple[Figure, Axes]:
    """Not by pyplot, which keeps every figure and may look for a screen. Height in inches."""
    figure = Figure(figsize=(7.6, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=10, parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
