"""Does the verdict say "better" or "informative" where there is something to find, and only there?

    python -m tests.bench.bench_verdict [--noise 20] [--drift 0] [--weak 0] [--planted 10]
                                        [--trials 8] [--jobs 1]

Each file gets a whole study of its own: search, evaluate, verdict. Noise files are random walks
with noise inputs, drift files such walks that go up by an annual Sharpe ratio of 1, forecast 5
sessions ahead; "better" or "informative" there is a mistake, and of each one in twenty is to be
expected. Planted files hold a signal that a good network can turn into a skill of 0.1 or more, weak
ones a linear signal of R² 0.02, which is large for daily returns, and 900 locked rows or more.
Exits with 1 where more than one in twenty files without a signal, or fewer than nine in ten planted
files, are called better.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnsearch.config import load_study
from rnnsearch.search import searching as study_module
from rnnsearch.verdict.evaluation import evaluate
from tests.helpers.planted import Planted, SignalKind, plant
from tests.helpers.searches import Notes, toml

ROWS, WEAK_ROWS, CANDIDATES = 1500, 4700, 8
KINDS: tuple[SignalKind, ...] = ("linear", "interacting", "threshold")
DELAYS = (1, 2, 3)
R2 = {"linear": 0.3, "interacting": 0.3, "threshold": 0.3}  # attainable skill 0.16
STUDY: dict[str, dict[str, Any]] = {
    "study": {"seed": 1},
    "data": {"path": "prices.csv"},
    "space": {
        "cell": ["lstm", "gru"],
        "layers": 1,
        "neurons": [8, 16],
        "window": {"low": 3, "high": 8},
        "epochs": {"low": 10, "high": 30},
        "batch_size": 128,
        "learning_rate": {"low": 2e-3, "high": 2e-2, "log": True},
        "dropout": 0.0,
        "input_shift": [0, 1],
        "output_shift": 1,
    },
    "inputs": {"indicators": "none", "search": "ranked"},
    "run": {"engine": "inline", "device": "cpu"},
}


@dataclass(frozen=True)
class Found:
    name: str
    attainable: float  # skill on the locked rows of knowing the signal
    skill: float
    p: float | None
    better: bool
    informative: bool
    p_information: float | None
    true_input: bool
    seconds: float

    def __str__(self) -> str:
        p, about = ("  –  " if p is None else f"{p:.3f}" for p in (self.p, self.p_information))
        said = "better" if self.better else "informative" if self.informative else "no"
        true = "  true input" if self.true_input else ""
        return (
            f"{self.name:<22} attainable {self.attainable:+.3f}  skill {self.skill:+.4f}  "
            f"p {p}  information {about}  {said:<11}  {self.seconds:.0f} s{true}"
        )


def files(noise: int, drift: int, weak: int, planted: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and making of each file."""
    for number in range(noise):
        yield f"noise {number + 1}", {"attainable_r2": 0.0, "seed": number}
    for number in range(drift):
        yield f"drift {number + 1}", {"attainable_r2": 0.0, "sharpe": 1.0, "seed": 500 + number}
    for number in range(weak):
        making = {"kind": "linear", "delay": 1, "attainable_r2": 0.02, "seed": 2000 + number}
        yield f"weak {number + 1}", making
    for number in range(planted):
        kind, delay = KINDS[number % len(KINDS)], DELAYS[number // len(KINDS) % len(DELAYS)]
        making = {"kind": kind, "delay": delay, "attainable_r2": R2[kind], "seed": 1000 + number}
        yield f"{kind}, delay {delay}", making


def judge(name: str, making: dict[str, Any], trials: int) -> Found:
    """Search and evaluate one file, in this process."""
    began = time.perf_counter()
    length = WEAK_ROWS if name.startswith("weak") else ROWS
    planted = plant(rows=length, candidates=CANDIDATES, **making)
    ahead = 5 if name.startswith("drift") else 1
    with tempfile.TemporaryDirectory() as folder:
        study = load_study(write(Path(folder), planted, trials, ahead))
        study_module.search(study, Notes())
        answer = evaluate(study, top=3, seeds=2, say=lambda text: None)
    rows = planted.frame.index[planted.frame["Date"].astype(str).isin(answer["dates"])]
    attainable = planted.skill_on_rows(rows.to_numpy(), window=8)
    return Found(
        name,
        attainable if planted.truth else 0.0,
        answer["table"][0]["skill"],
        answer["verdict"]["p"],
        answer["verdict"]["better"],
        answer["verdict"]["informative"],
        answer["verdict"]["p_information"],
        bool({*planted.truth} & {*answer["champion"]["params"]["inputs"]}),
        time.perf_counter() - began,
    )


def write(folder: Path, planted: Planted, trials: int, ahead: int = 1) -> Path:
    planted.frame.to_csv(folder / "prices.csv", index=False)
    name = f"bench-{time.time_ns()}"
    tables = STUDY | {
        "study": STUDY["study"] | {"name": name, "trials": trials},
        "space": STUDY["space"] | {"output_shift": ahead},
    }
    lines = []
    for section, keys in tables.items():
        lines += [f"[{section}]", *(f"{key} = {toml(value)}" for key, value in keys.items())]
    path = folder / "study.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _own_home(parent: str) -> None:
    """Stores of this process alone: a fresh MLflow database takes seconds to make, once."""
    os.environ["RNNSEARCH_HOME"] = tempfile.mkdtemp(dir=parent)


def main(arguments: list[str] | None = None, show: Callable[[str], None] = print) -> int:
    parser = argparse.ArgumentParser(prog="bench_verdict", description=__doc__.splitlines()[0])
    parser.add_argument("--noise", type=int, default=20, help="files of pure noise")
    parser.add_argument("--drift", type=int, default=0, help="files of noise that goes up")
    parser.add_argument("--weak", type=int, default=0, help="files with a signal of R² 0.02")
    parser.add_argument("--planted", type=int, default=10, help="files with a signal")
    parser.add_argument("--trials", type=int, default=8, help="of each study")
    parser.add_argument("--jobs", type=int, default=1, help="files at a time")
    wanted = parser.parse_args(arguments)
    found: list[Found] = []
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        context.Pool(wanted.jobs, initializer=_own_home, initargs=(folder,)) as pool,
    ):
        every = files(wanted.noise, wanted.drift, wanted.weak, wanted.planted)
        for one in pool.imap_unordered(_judge, [(*file, wanted.trials) for file in every]):
            show(str(one))
            found.append(one)
    show("")
    kinds = {kind: _of(found, kind) for kind in ("noise", "drift", "weak")}
    kinds["planted"] = [one for one in found if one.name.split()[0] not in kinds]
    for kind, some in kinds.items():
        if some:
            show(_told(kind, some))
    true = [one for one in kinds["weak"] if one.true_input]
    if true:
        show(_told("weak, true input found", true))
    silent = kinds["noise"] + kinds["drift"]
    wrong, right = sum(one.better for one in silent), sum(one.better for one in kinds["planted"])
    return int(wrong > max(1, len(silent) // 20) or right < 0.9 * len(kinds["planted"]))


def _of(found: list[Found], kind: str) -> list[Found]:
    return [one for one in found if one.name.startswith(kind)]


def _told(kind: str, some: list[Found]) -> str:
    """How many were called what, with the binomial 95 % interval (Clopper & Pearson)."""
    from scipy.stats import binomtest

    parts = []
    for word in ("better", "informative"):
        count = sum(bool(getattr(one, word)) for one in some)
        low, high = binomtest(count, len(some)).proportion_ci(0.95)
        parts.append(f"{word} {count} of {len(some)} ({low:.0%} to {high:.0%})")
    return f"{kind:<23} {', '.join(parts)}"


def _judge(task: tuple[str, dict[str, Any], int]) -> Found:
    return judge(*task)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
