"""`rnnsearch` with a fault in it: `python -m tests.helpers.faulty COMMAND ...`.

$FAULT says which, as JSON:

set      constants of the driver: {"rnnsearch.search.store.leases.LAPSE_SECONDS": 2.0}
kill     [function, after, call]: the driver is killed at a call of a function, before or after it
worker   [what, trial]: what happens after the first epoch of every worker's so-manieth trial:
         kill, hang, memory, raise, nan
lose     the replies of the storage to these of the driver's calls, by number
log      a file that gets a line for every fault but kill
"""

import contextlib
import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnsearch.search.trial.protocol import Outcome
from tests.helpers.faults import fatal

FAULT: dict[str, Any] = json.loads(os.environ.get("FAULT", "{}"))


def find(name: str) -> tuple[Any, str]:
    """The module or class that has what a dotted name says, and its name there."""
    path, _, last = name.rpartition(".")
    try:
        return importlib.import_module(path), last
    except ModuleNotFoundError:
        return getattr(*find(path)), last


def set_constants() -> None:
    for name, value in FAULT.get("set", {}).items():
        owner, last = find(name)
        assert hasattr(owner, last), name
        setattr(owner, last, value)


def kill_driver(name: str, after: bool, call: int) -> None:
    owner, last = find(name)
    setattr(owner, last, fatal(getattr(owner, last), after, call))


def lose_replies(*calls: int) -> None:
    """The storage does as it is told, and the driver hears an error."""
    import optuna
    import sqlalchemy

    module = optuna.storages._rdb.storage
    session, count = module._create_scoped_session, iter(range(1, 10**9))

    @contextlib.contextmanager
    def lossy(*arguments: Any) -> Iterator[Any]:
        with session(*arguments) as real:
            yield real
        if next(count) in calls:
            note("lost")
            raise optuna.exceptions.StorageInternalError("") from sqlalchemy.exc.OperationalError(
                "", {}, ConnectionError("the reply was lost")
            )

    module._create_scoped_session = lossy  # type: ignore[assignment]


def note(what: str) -> None:
    with Path(FAULT["log"]).open("a") as log:
        log.write(f"{what}\n")


def sabotage(what: str, trial: int) -> None:
    """Have this worker's so-manieth trial go wrong."""
    from rnnsearch.search.trial import runner as module

    run_trial: Callable[..., Iterator[Any]] = module.run_trial
    left = iter(range(trial - 1, -1, -1))

    def wrong(*arguments: Any, **settings: Any) -> Iterator[Any]:
        stream = run_trial(*arguments, **settings)
        if next(left, -1) != 0:
            yield from stream
            return
        yield next(stream)
        note(what)
        match what:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "memory":
                _use_up_memory()
            case "raise":
                raise RuntimeError("injected")
            case "nan":
                for said in stream:
                    yield replace(said, skill=float("nan")) if isinstance(said, Outcome) else said

    module.run_trial = wrong


def _use_up_memory() -> None:
    """Ask for more than this process may have."""
    import torch

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**26,) * 2)
    torch.ones(2**28)


if __name__ == "__main__":
    from rnnsearch.cli import main
    from rnnsearch.search.engines import local as workers

    set_constants()
    if "kill" in FAULT:
        kill_driver(*FAULT["kill"])
    if "lose" in FAULT:
        lose_replies(*FAULT["lose"])
    if "worker" in FAULT:
        workers.LOADED.append("tests.helpers.faulty")
    sys.argv[0] = "rnnsearch"
    main()
elif "worker" in FAULT:  # the process that workers are forked from
    sabotage(*FAULT["worker"])
