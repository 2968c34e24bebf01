"""What the parts of `make bench` share: figures, repeats in turn, and small studies to search."""

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from tests.helpers.planted import Planted
from tests.helpers.searches import toml

KERNELS = Path(gettempdir()) / "rnnsearch-bench-kernels"


@dataclass(frozen=True)
class Figure:
    """One line of the table. `reached` is None where there is nothing to reach."""

    part: int  # as numbered in the table of LOG.md
    measure: str
    value: float  # median over the repeats
    spread: tuple[float, float]  # lowest and highest of them
    unit: str = ""
    reach: str = ""
    reached: bool | None = None


def figure(
    part: int,
    measure: str,
    values: Sequence[float],
    unit: str = "",
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """The median of the repeats, held against what it shall reach."""
    median = statistics.median(values)
    reach, reached = "", None
    if at_least is not None:
        reach, reached = f"≥ {at_least:g}", median >= at_least
    elif at_most is not None:
        reach, reached = f"≤ {at_most:g}", median <= at_most
    return Figure(part, measure, median, (min(values), max(values)), unit, reach, reached)


def in_turn(repeats: int, **actions: Callable[[], float]) -> dict[str, list[float]]:
    """What each action returns, the actions taking turns: what disturbs one disturbs all."""
    results: dict[str, list[float]] = {name: [] for name in actions}
    for repeat in range(repeats):
        names = list(actions)
        for name in names if repeat % 2 == 0 else reversed(names):
            results[name].append(actions[name]())
    return results


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Repeat by repeat."""
    return [a / b for a, b in zip(above, below, strict=True)]


def table(figures: Sequence[Figure]) -> str:
    """Markdown."""
    lines = ["| # | measure | figure | spread | reach | reached |", "|---|---|---|---|---|---|"]
    for f in figures:
        low, high = (shown(value) for value in f.spread)
        reached = {True: "yes", False: "no", None: ""}[f.reached]
        value = f"{shown(f.value)} {f.unit}".rstrip()
        spread = f"{low} to {high}" if low != high else ""
        lines.append(f"| {f.part} | {f.measure} | {value} | {spread} | {f.reach} | {reached} |")
    return "\n".join(lines)


def shown(value: float) -> str:
    """Three digits."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


# --- studies ------------------------------------------------------------------------------------


def write_study(folder: Path, planted: Planted, **sections: dict[str, Any]) -> Path:
    """A study file on a planted file's prices."""
    folder.mkdir(parents=True, exist_ok=True)
    planted.frame.to_csv(folder / "prices.csv", index=False)
    path = folder / "study.toml"
    lines = []
    for section, keys in ({"data": {"path": "prices.csv"}} | sections).items():
        lines += [f"[{section}]", *(f"{key} = {toml(value)}" for key, value in keys.items())]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@contextmanager
def own_home() -> Iterator[Path]:
    """A folder with an RNNSEARCH_HOME in it; kernels are compiled once for all such."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        ours = {"RNNSEARCH_HOME": str(folder / "runs"), "RNNSEARCH_KERNELS": str(KERNELS)}
        before = {key: os.environ.get(key) for key in ours}
        os.environ.update(ours)
        try:
            yield folder
        finally:
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value


def rnnsearch(*arguments: object) -> float:
    """Run the command; seconds from its start to its end."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "rnnsearch", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return seconds


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was."""
    import torch

    return {
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
        "python": sys.version.split()[0],
    }


def dump(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
