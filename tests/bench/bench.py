"""How much of the machine's time and memory reaches the networks: `make bench`.

    python -m tests.bench.bench [PART ...] [--quick] [--repeats N]

Prints a Markdown table of figures, each with the lowest and highest of its repeats and what it
shall reach, and writes them to `bench.json` in the folder of results, beside those of parts
measured earlier. `--quick` shows in a few minutes that everything runs; its figures are rough.
tests/bench/LOG.md keeps the figures and what was tried.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import importlib
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime

from rnnsearch.config import home
from tests.bench.measuring import dump, machine, table

PARTS = (
    "training",  # 1
    "search",  # 2, 3 and 10
    "script",  # 4
    "driver",  # 5
    "memory",  # 6
    "table",  # 7
    "start",  # 8
    "pruning",  # 9
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; else all")
    parser.add_argument("--quick", action="store_true", help="small: to see that it runs")
    parser.add_argument("--repeats", type=int, help="instead of each part's own number")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; parts are {', '.join(PARTS)}")
    path = home() / "bench.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    figures = []
    for part in asked.parts or PARTS:
        module = importlib.import_module(f"tests.bench.bench_{part}")
        found = []
        for figure in module.measure(asked.quick, asked.repeats):
            print(f"{part}: {figure.measure}: {figure.value:.4g} {figure.unit}", file=sys.stderr)
            found.append(figure)
        figures += found
        known[part] = {
            "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
            "machine": machine(),
            "quick": asked.quick,
            "figures": [asdict(figure) for figure in found],
        }
        dump(path, known)
    print(table(figures))
    print(f"\n{path}")


if __name__ == "__main__":
    main()
