"""What a search has found so far, as small SVG images for MLflow's parent run.

Drawn by hand: no plotly, no script and no network, so that every search can afford to leave them,
and MLflow shows them in its page. The report has the same to zoom into.
"""

import math
from collections.abc import Sequence
from html import escape

from optuna.trial import FrozenTrial

from rnnsearch.results.inputs import (
    ALL,
    Importance,
    InputStatistics,
    ShiftSkill,
    shift_skill,
)
from rnnsearch.results.style import BLACK, BLUE, GREY, PALE, RED, STATES, clipped, visible_range
from rnnsearch.search.store import state_of

WIDTH = 760
SHOWN = 24
"""Most inputs or parameters in an image."""


def plots(
    trials: Sequence[FrozenTrial], inputs: Sequence[InputStatistics], importance: Importance
) -> dict[str, str]:
    """Name -> image; of each kind that the trials have something to say on."""
    drawn = {"best_so_far": _best_so_far(trials)}
    if importance.parameters:
        rows = [(name, share, f"{share:.0%}") for name, share in importance.parameters.items()]
        note = f" ({importance.note})" if importance.note else ""
        drawn["parameter_importance"] = _bars(
            f"Share of the differences in skill that each parameter explains{note}", rows
        )
    if chosen := [one for one in inputs if 0 < one.chosen < one.trials]:
        drawn["inputs"] = _bars(
            "How many trials chose an input; their mean skill, and that of the others",
            [
                (
                    one.input,
                    one.chosen / one.trials,
                    f"{one.chosen} of {one.trials}: "
                    f"{one.skill_with:+.4f}, {one.skill_without:+.4f}",
                )
                for one in chosen
            ],
        )
    for family, cells in shift_skill(trials).items():
        if len(cells) > 1:
            name = "date_shifts" if family == ALL else f"date_shifts_{family}"
            drawn[name] = _heat_map(cells, "" if family == ALL else f" of {family}")
    return drawn


def _best_so_far(trials: Sequence[FrozenTrial], height: int = 360) -> str:
    """Skill of every trial in order, and the line of the best one."""
    reached = [
        (trial.number, state_of(trial), float(value))
        for trial in trials
        if (value := _reached(trial)) is not None
    ]
    low, high = visible_range([skill for *_, skill in reached]) or [-1.0, 1.0]
    last = max((number for number, *_ in reached), default=0)
    left, right, top, bottom = 70, WIDTH - 20, 40, height - 50

    def x(number: float) -> float:
        return left + (right - left) * (number + 0.5) / (last + 1)

    def y(skill: float) -> float:
        return bottom - (bottom - top) * (max(skill, low) - low) / (high - low)

    parts = []
    for tick in _ticks(low, high):
        colour = GREY if abs(tick) < 1e-12 else "#E6E8EB"
        parts.append(_line([(left, y(tick)), (right, y(tick))], colour))
        parts.append(_text(left - 8, y(tick) + 4, f"{tick:+.3g}", "end"))
    numbers = [tick for tick in _ticks(0, last) if tick == int(tick)]
    parts += [_text(x(number), bottom + 18, f"{number:.0f}", "middle") for number in numbers]
    for number, state, skill in reached:
        colour = STATES.get(state, (GREY, ""))[0]
        parts.append(
            f'<circle cx="{x(number):.1f}" cy="{y(skill):.1f}" r="3.5" fill="{colour}" '
            f'fill-opacity="0.75"><title>trial {number}, {state}: {skill:+.4f}</title></circle>'
        )
    steps: list[tuple[float, float]] = []
    best = -math.inf
    for number, state, skill in reached:
        if state == "complete":
            if steps:
                steps.append((x(number), steps[-1][1]))
            best = max(best, skill)
            steps.append((x(number), y(best)))
    if steps:
        parts.append(_line([*steps, (right, steps[-1][1])], BLACK, 2))
    shown = {state for _, state, _ in reached}
    place = left
    for state in (state for state in STATES if state in shown):
        parts.append(f'<circle cx="{place}" cy="{height - 12}" r="4" fill="{STATES[state][0]}"/>')
        parts.append(_text(place + 9, height - 8, state))
        place += 100
    title = "Skill on validation rows, trial by trial; the line is the best so far, 0 doing nothing"
    return _image(title, parts, height)


def _reached(trial: FrozenTrial) -> float | None:
    """A complete trial's value, or the last skill of another one."""
    if state_of(trial) == "complete":
        return trial.value
    skills = trial.user_attrs.get("record", {}).get("history", {}).get("skill", ())
    return skills[-1] if skills and math.isfinite(skills[-1]) else None


def _bars(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """A bar from 0 to 1 for each row, from the top down: its name, length, text behind it."""
    parts = []
    for place, (name, length, text) in enumerate(rows[:SHOWN]):
        y = 40 + 24 * place
        parts.append(_text(200, y + 13, clipped(name, 26), "end"))
        parts.append(
            f'<rect x="208" y="{y}" width="{300 * length:.1f}" height="17" fill="{BLUE}"/>'
        )
        parts.append(_text(214 + 300 * length, y + 13, text))
    height = 56 + 24 * min(len(rows), SHOWN)
    if len(rows) > SHOWN:
        parts.append(_text(208, height - 2, f"and {len(rows) - SHOWN} more"))
        height += 12
    return _image(title, parts, height)


def _heat_map(cells: Sequence[ShiftSkill], of: str) -> str:
    """Mean skill by input shift (down) and output shift (across), with the number of trials."""
    down, across = (sorted({getattr(c, n) for c in cells}) for n in ("input_shift", "output_shift"))
    reach = max(abs(cell.skill) for cell in cells) or 1.0
    wide = min(90, (WIDTH - 150) // len(across))
    parts = []
    for cell in cells:
        x = 130 + wide * across.index(cell.output_shift)
        y = 66 + 40 * down.index(cell.input_shift)
        colour, opacity = BLUE if cell.skill > 0 else RED, 0.75 * abs(cell.skill) / reach
        parts.append(
            f'<rect x="{x}" y="{y}" width="{wide - 2}" height="38" fill="{colour}" '
            f'fill-opacity="{opacity:.2f}" stroke="{PALE}"/>'
        )
        parts.append(_text(x + wide / 2, y + 17, f"{cell.skill:+.3f}", "middle"))
        parts.append(_text(x + wide / 2, y + 31, f"n={cell.trials}", "middle", size=10))
    parts += [_text(129 + wide * (n + 0.5), 58, str(h), "middle") for n, h in enumerate(across)]
    parts += [_text(122, 90 + 40 * n, str(s), "end") for n, s in enumerate(down)]
    height = 96 + 40 * len(down)
    parts.append(_text(130, height - 8, f"down: input shift{of}; across: output shift"))
    return _image("Mean skill by date shifts; blue is better than doing nothing", parts, height)


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers between two."""
    step = 10.0 ** math.floor(math.log10((high - low) or 1.0))
    for part in (1, 2, 5):
        if (high - low) / (step / part) >= 4:
            step /= part
            break
    first = math.ceil(low / step)
    return [step * n for n in range(first, math.floor(high / step) + 1)]


def _line(points: Sequence[tuple[float, float]], colour: str, width: float = 1) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(text)}</text>"
    )


def _image(title: str, parts: Sequence[str], height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" fill="{BLACK}">\n'
        f'<rect width="100%" height="100%" fill="#FFFFFF"/>\n'
        + "\n".join([_text(14, 22, title, size=14), *parts])
        + "\n</svg>\n"
    )
