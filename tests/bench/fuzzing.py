"""Files that nobody would write on purpose, read as a user would read them.

    python -m tests.bench.fuzzing [--kind studies] [--count 500] [--seed 1]

`fuzz(kind, count, seed)` makes `count` files of a kind, each from its number and the seed alone,
and runs one command on each, in a process and a folder of its own. What a command must not do,
whatever the file is, comes back as a complaint:

- a traceback, or "an error that should not be"
- a warning of Python's
- an exit code that is not in `CODES`, or an error without a message
- a message with a line of more than `LONGEST_LINE` characters
- a password ("secret", where there is one)
- no end within `PATIENCE` seconds
- files that it did not promise, or that are half-written

A kind is a function from a source of chance and an empty folder to a `Case`; a new one is entered
in `KINDS`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

CODES = {0, 2, 3, 4, 5}  # 1 is "an error that should not be"
PATIENCE = 60.0  # seconds
LONGEST_LINE = 2_000  # a rule, a remedy and several values of at most 200 characters
MEMORY = 12 << 30  # bytes of addresses

UNFORESEEN = re.compile(r"Traceback \(most recent|an error that should not be|[A-Z]\w*Warning\b")


@dataclass(frozen=True)
class Case:
    """One file and what is done with it.

    arguments  of `rnnsearch`
    about      how the file came about, for complaints
    written    patterns of the files that the command may leave in its folder, beside the home
    """

    arguments: tuple[str, ...]
    about: str
    written: tuple[str, ...] = ()


Kind = Callable[[random.Random, Path], Case]


@dataclass
class Found:
    """What came of a number of files: how often each exit code, and every complaint."""

    codes: Counter[int] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)


def fuzz(kind: str, count: int, seed: int, first: int = 0) -> Found:
    """Run the files `first` .. `first + count - 1` of a kind; see the top of this module."""
    load()
    found = Found()
    for number in range(first, first + count):
        place = f"{kind} {number} (seed {seed})"
        with tempfile.TemporaryDirectory(prefix="rnnsearch-fuzz-") as name:
            folder = Path(name)
            case = KINDS[kind](random.Random(f"{kind} {seed} {number}"), folder)
            before = set(folder.rglob("*"))
            code, said = run(case, folder)
            wrong = [*_wrong(code, said), *_left(folder, before, case)]
        found.codes[code] += 1
        found.complaints += [f"{place}, {case.about}: {what}" for what in wrong]
    return found


def run(case: Case, folder: Path) -> tuple[int, str]:
    """The exit code and all that a command says, run in a child of this process."""
    output = folder / "said"
    child = os.fork()
    if child == 0:
        _become(case, folder, output)
    deadline = time.monotonic() + PATIENCE
    while (status := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            break
        time.sleep(0.002)
    said = output.read_text(encoding="utf-8", errors="replace")
    output.unlink()
    return (os.waitstatus_to_exitcode(status[1]) if status[0] else -signal.SIGKILL), said


def load() -> None:
    """Import once what every child needs."""
    import torch

    import rnnsearch.cli
    import rnnsearch.prepare.draft
    import rnnsearch.prepare.preview
    import rnnsearch.search.trial.runner  # noqa: F401

    torch.set_num_threads(1)


def _become(case: Case, folder: Path, output: Path) -> None:
    """Be the command; never returns."""
    code = 70
    try:
        target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for old, new in ((nothing, 0), (target, 1), (target, 2)):
            os.dup2(old, new)
        sys.stdin, sys.stdout, sys.stderr = (
            open(number, mode, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
            for number, mode in ((0, "r"), (1, "w"), (2, "w"))
        )
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.chdir(folder)
        os.environ["RNNSEARCH_HOME"] = str(folder / "runs")
        sys.argv = ["rnnsearch", *case.arguments]
        import warnings

        warnings.resetwarnings()
        for hidden in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
            warnings.simplefilter("ignore", hidden)  # as Python does, elsewhere than in pytest
        warnings.simplefilter("ignore", ResourceWarning)
        from rnnsearch.cli import main

        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wrong(code: int, said: str) -> Iterator[str]:
    if code == -signal.SIGKILL:
        yield f"did not end within {PATIENCE:.0f} s"
    elif code not in CODES:
        yield f"exit code {code}: {said[-300:]!r}"
    elif code and not said.strip():
        yield f"exit code {code} without a word"
    if match := UNFORESEEN.search(said):
        yield f"said {said[max(match.start() - 200, 0) : match.end() + 600]!r}"
    if "secret" in said:
        yield "a password is shown"
    longest = max(map(len, said.splitlines()), default=0)
    if longest > LONGEST_LINE:
        yield f"a line of {longest} characters"


def _left(folder: Path, before: set[Path], case: Case) -> Iterator[str]:
    """Files that were not promised; entries of the cache that lack their other half."""
    home = folder / "runs"
    for path in folder.rglob("*"):
        if path in before or path.is_dir():
            continue
        promised = any(path.match(pattern) for pattern in case.written)
        if not (path.is_relative_to(home) or promised):
            yield f"left {path.relative_to(folder)}"
        if path.name == "error.log" or path.suffix in (".new", ".tmp", ".part"):
            yield f"left {path.relative_to(folder)}"
        if path.suffix == ".npy" and not path.with_suffix(".json").exists():
            yield f"left {path.relative_to(folder)} without its other half"


# --- study files --------------------------------------------------------------------------------

STUDIES = Path(__file__).parents[2] / "studies"
ROWS = 700


def study_file(chance: random.Random, folder: Path) -> Case:
    """A real study file on invented prices, changed in one to four places."""
    from tests.bench.mangled_studies import mangled, prices

    prices(folder / "prices.csv", ROWS)
    source = chance.choice(sorted(STUDIES.glob("*.toml")))
    text, changes = mangled(source.read_text(encoding="utf-8"), chance)
    (folder / "study.toml").write_bytes(text)
    command = chance.choices(
        [("check",), ("inputs",), ("search", "--dry-run"), ("status",)], [70, 15, 10, 5]
    )[0]
    arguments = (command[0], "study.toml", *command[1:])
    return Case(arguments, f"{' '.join(command)} of {source.name}: {'; '.join(changes)}"[:500])


def price_file(chance: random.Random, folder: Path) -> Case:
    """A price file with something wrong, given to `init`, or to a study."""
    from tests.bench import mangled_prices

    path, about = mangled_prices.mangled(chance, folder)
    command = chance.choices(["init", "check", "inputs"], [60, 30, 10])[0]
    given = path if command == "init" else mangled_prices.study_of(path, folder)
    return Case((command, given.name), f"{command} of {about}"[:500], written=("*.toml",))


KINDS: dict[str, Kind] = {"studies": study_file, "prices": price_file}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kind", choices=[*KINDS], default="studies")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    options = parser.parse_args()
    found = fuzz(options.kind, options.count, options.seed, options.first)
    for complaint in found.complaints:
        print(complaint)
    codes = ", ".join(f"{code}: {times}" for code, times in sorted(found.codes.items()))
    print(f"{options.count} {options.kind}; exit codes {codes}; {len(found.complaints)} complaints")
    return int(bool(found.complaints))


if __name__ == "__main__":
    sys.exit(main())
