"""Draw why each test of the answer is needed: `docs/pictures/tests.svg`, simulated anew.

    python -m tests.bench.draw_tests [--files 1000] [--seed 1] [--to docs/pictures/tests.svg]

Every panel is a mistake, and what keeps it from being made. Files are those of `bench_answer`:
forecasts by least squares from 5 inputs, GARCH returns.
"""

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from arch.data import sp500
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binomtest, norm

from rnnsearch.report.figures.images import as_svg
from rnnsearch.report.figures.style import BLUE, GREY, ORANGE
from rnnsearch.scoring.inference.information import information
from rnnsearch.scoring.inference.significance import LEVEL, pesaran_timmermann
from rnnsearch.scoring.inference.skipped import Skipped
from tests.bench.bench_answer import (
    OPENINGS,
    ROWS,
    TESTS,
    Kind,
    count,
    log_returns,
    only_the_mean,
    openings,
)
from tests.bench.bench_intervals import held
from tests.helpers.simulated import ahead, autoregressions, daily, garch_returns

Pair = tuple[list[float], list[float]]
"""Shares of the mistake, and of what is done instead."""

HORIZONS = (1, 5, 10)
SHARPES = (0.0, 1.0, 2.0)


@dataclass(frozen=True)
class Panel:
    """`wanted` is the share that should come out, NaN where more is better."""

    simulate: Callable[[int, int], Pair]
    title: str
    x: str
    ticks: tuple[float, ...]
    mistake: str
    instead: str
    wanted: float = LEVEL


def power(files: int, seed: int) -> Pair:
    """Files with a signal of R² 0.02 that are seen, by the rows of the test."""
    kind = Kind("weak", log_returns(5, r2=0.02), (1,))
    hits = count(kind, 1, files, (seed, 1))
    rows = [hits[rows] / files for rows in ROWS]
    return [row[TESTS.index("no change")] for row in rows], [row[0] for row in rows]


def drift(files: int, seed: int) -> Pair:
    """Forecasts that are the training mean, called better."""
    kind = Kind("mean", only_the_mean, HORIZONS)
    hits = [count(kind, h, files, (seed, 2, h))[ROWS[-1]] / files for h in HORIZONS]
    alone, both = TESTS.index("no change"), TESTS.index("better")
    return [row[alone] for row in hits], [row[both] for row in hits]


def overlap(files: int, seed: int) -> Pair:
    """Forecasts that know nothing and move slowly, said to be informative."""
    rng, rows = np.random.default_rng((seed, 3)), ROWS[-1]
    plain, ours = [], []
    for horizon in HORIZONS:
        returns = garch_returns(rng, files, rows + horizon)
        says = autoregressions(rng, np.array([0.98]), files, rows)[:, :, 0]
        moves = ahead(np.pad(returns, ((0, 0), (1, 0))), horizon)[:, :rows]
        pieces = np.stack([returns[:, step : step + rows] for step in range(horizon)], axis=1)
        products = says * moves
        t = products.mean(axis=1) / (products.std(axis=1, ddof=1) / math.sqrt(rows))
        plain.append(float(np.mean(norm.sf(t) < LEVEL)))
        told = [
            information(y, f, [np.zeros(rows)], parts, horizon, 0.0)
            for y, f, parts in zip(moves, says, pieces, strict=True)
        ]
        claims = [not isinstance(one, Skipped) and one.p < LEVEL for one in told]
        ours.append(float(np.mean(claims)))
    return plain, ours


def looks(files: int, seed: int) -> Pair:
    """Studies without a signal that err within so many openings of one test."""
    errors = list(openings("another search", 2 * files, (seed, 4)).values())
    return errors[0], errors[-1]


def directions(files: int, seed: int) -> Pair:
    """Forecasts that mostly say "up" by lot, said to know directions."""
    rng, rows = np.random.default_rng((seed, 5)), ROWS[-1]
    plain, ours = [], []
    for sharpe in SHARPES:
        returns = garch_returns(rng, files, rows) + daily(sharpe)
        rises = rng.random(returns.shape) < 0.8
        right = ((returns > 0) == rises).sum(axis=1)
        p = [binomtest(int(hits), rows, alternative="greater").pvalue for hits in right]
        plain.append(float(np.mean(np.array(p) < LEVEL)))
        told = [
            pesaran_timmermann(y, np.where(up, 1.0, -1.0))
            for y, up in zip(returns, rises, strict=True)
        ]
        claims = [not isinstance(one, Skipped) and one.p_better < LEVEL for one in told]
        ours.append(float(np.mean(claims)))
    return plain, ours


def intervals(files: int, seed: int) -> Pair:
    """The share of the S&P 500's outcomes inside intervals of 90 %, by quarter of the test."""
    before, after = held(sp500.load()["Adj Close"].to_numpy(np.float64), 1, 0.9)
    return list(before.quarters), list(after.quarters)


PANELS = (
    Panel(
        power,
        "A weak signal (R² 0.02): seen in so many files",
        "rows of the test",
        ROWS,
        "smaller errors than no change?",
        "does it carry information?",
        math.nan,
    ),
    Panel(
        drift,
        "Only the drift learnt: called “better”",
        "sessions ahead",
        HORIZONS,
        "against no change alone",
        "against the average, too",
    ),
    Panel(
        overlap,
        "Nothing known, targets overlap: called “informative”",
        "sessions ahead",
        HORIZONS,
        "rows taken as independent",
        "overlap allowed for",
    ),
    Panel(
        looks,
        "No signal, the test opened again and again: wrong",
        "openings",
        OPENINGS,
        "p as it is",
        "p with its charge",
    ),
    Panel(
        directions,
        "“Up” by lot, four times of five: said to know directions",
        "yearly Sharpe ratio of the price",
        SHARPES,
        "more than half are right",
        "Pesaran–Timmermann",
    ),
    Panel(
        intervals,
        "The S&P 500 inside intervals of 90 %",
        "quarter of the test",
        (1, 2, 3, 4),
        "one width",
        "widths that breathe",
        0.9,
    ),
)


def draw(files: int, seed: int, show: Callable[[str], None]) -> Figure:
    figure = Figure(figsize=(13, 7.4), layout="constrained")
    for axes, panel in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
        lines = panel.simulate(files, seed)
        for name, shares in zip((panel.mistake, panel.instead), lines, strict=True):
            each = zip(panel.ticks, shares, strict=True)
            told = "  ".join(f"{tick}: {100 * share:.1f}" for tick, share in each)
            show(f"{panel.title} (%): {name:<32} {told}")
        fill(axes, panel, lines)
    return figure


def fill(axes: Axes, panel: Panel, lines: Pair) -> None:
    styles = ((panel.mistake, ORANGE, "s--"), (panel.instead, BLUE, "o-"))
    for (name, colour, style), shares in zip(styles, lines, strict=True):
        axes.plot(100 * np.array(shares), style, color=colour, label=name)
    if not math.isnan(panel.wanted):
        axes.axhline(100 * panel.wanted, color=GREY, linewidth=1, linestyle=":")
    axes.set_title(panel.title, fontsize=10, loc="left")
    axes.set_xlabel(panel.x)
    axes.set_xticks(range(len(panel.ticks)), [f"{tick:g}" for tick in panel.ticks])
    axes.yaxis.set_major_formatter("{x:.0f} %")
    low, high = axes.get_ylim()
    axes.set_ylim(low if low > 50 else 0, high + 0.25 * (high - low))
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def main(arguments: list[str] | None = None, show: Callable[[str], None] = print) -> int:
    parser = argparse.ArgumentParser(prog="draw_tests", description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", type=Path, default=Path("docs/pictures/tests.svg"))
    wanted = parser.parse_args(arguments)
    wanted.to.write_text(as_svg(draw(wanted.files, wanted.seed, show)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
