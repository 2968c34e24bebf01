"""8: how long a user waits for the first words, and for the first training step.

The step is one of a trial of one short epoch, in a study that goes on with its inputs in the cache.
Its time is when the trial's line is printed: a few milliseconds late.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measuring import Figure, figure, in_turn, own_home, rnnsearch, write_study
from tests.helpers.planted import plant


def measure(quick: bool, repeats: int | None) -> Iterator[Figure]:
    with own_home() as folder:
        study = write_study(
            folder,
            plant(rows=600, candidates=8),
            study={"trials": 1},
            space={"epochs": 1, "batch_size": 256, "neurons": 8, "layers": 1, "window": 5},
            run={"device": "cpu"},
        )
        rnnsearch("search", study, "--quiet")
        seconds = in_turn(
            repeats or (2 if quick else 9),
            help=lambda: rnnsearch("--help"),
            step=lambda: _first_step(study),
        )
    yield figure(8, "rnnsearch --help", seconds["help"], "s", at_most=0.5)
    yield figure(8, "from search to the first training step", seconds["step"], "s", at_most=3)


def _first_step(study: Path) -> float:
    command = [sys.executable, "-m", "rnnsearch", "search", str(study), "--trials", "+1"]
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("trial "):
                seconds = time.perf_counter() - began
                process.stdout.read()
                return seconds
    sys.exit(f"{' '.join(command)} trained nothing")
