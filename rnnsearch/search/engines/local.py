"""Training processes on this machine: started, fed, watched, replaced.

A worker that dies, or is silent for longer than its earlier epochs explain, is replaced, and the
driver is told which trial it held. Workers end with their driver, however that one ends.

On Linux one process of the driver loads what workers need (torch, two seconds), and every worker
is a fork of it: it begins at once, and shares that memory. Elsewhere each worker loads it anew.
"""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any

from rnnsearch.config.sections import RunSection
from rnnsearch.data.scratch import use_for_processes
from rnnsearch.search.engines.base import Engine, Placement
from rnnsearch.search.engines.kernels import begin
from rnnsearch.search.engines.machine import Notice, plan_workers, setup_here
from rnnsearch.search.engines.watching import Watch, Watched, with_details
from rnnsearch.search.trial.protocol import (
    Crashed,
    Event,
    Learn,
    Lost,
    Message,
    Open,
    Ready,
    Stop,
    Task,
    WorkerSetup,
)
from rnnsearch.search.trial.worker import serve
from rnnsearch.shown import number_of

if TYPE_CHECKING:
    from rnnsearch.search.problem import Problem

PR_SET_PDEATHSIG = 1  # of Linux' prctl
FORKED = sys.platform == "linux"
LOADED = ["rnnsearch.search.engines.loaded"]  # by the process that workers are forked from
ORPHANED = 255  # exit code of a worker whose own cannot be known: what it was forked from is gone
START_ATTEMPTS = 5  # of a process, where what it is forked from ends in that moment


class LocalEngine(Engine):
    """A worker per core, or four per GPU, unless the study file says how many."""

    name = "local"
    shares = True

    def start(self, problem: "Problem", notice: Notice, most: int | None = None) -> "LocalWorkers":
        setup, count = setup_here(problem, notice, problem.study.run.workers)
        return LocalWorkers(setup, count if most is None else min(count, most))

    def placement(self, problem: "Problem") -> Placement:
        run = problem.study.run
        device, count, _ = plan_workers(run.device, run.workers)
        return Placement([f"{number_of(count, 'worker')} on this machine, device {device}"])

    def warm_up(self) -> None:
        warm_up()

    def foresee(self, run: RunSection) -> None:
        begin(run)


ENGINE = LocalEngine()


def warm_up() -> None:
    """Begin to load what workers need, in a process of its own; the caller goes on meanwhile."""
    if FORKED:
        use_for_processes()
        forkserver.set_forkserver_preload(LOADED)
        with _children_ignore_ctrl_c():
            forkserver.ensure_running()


@dataclass
class _Worker(Watched):
    process: BaseProcess
    connection: Connection
    open: Open = field(default_factory=Open)


class LocalWorkers:
    """`count` processes with one trial each at a time. See `base.SharedWorkers`."""

    def __init__(self, setup: WorkerSetup, count: int) -> None:
        self.count = count
        self.description: dict[str, str] = {}
        self._setup = setup
        self._learnt: dict[int, WorkerSetup] = {}
        self._context: Any = multiprocessing.get_context("forkserver" if FORKED else "spawn")
        self._watch = Watch("try --workers 1 and --device cpu")
        warm_up()
        self._workers = [self._start(slot) for slot in range(count)]

    def has_idle(self) -> bool:
        return any(worker.idle for worker in self._workers)

    def starved(self) -> bool:
        return False

    def learn(self, number: int, problem: "Problem") -> None:
        own = self._setup
        setup = problem.worker_setup(own.device, own.workers_per_device, own.kernels)
        self._learnt[number] = setup

    def forget(self, number: int) -> None:
        self._learnt.pop(number, None)

    def submit(self, task: Task) -> None:
        worker = next(worker for worker in self._workers if worker.idle)
        worker.holds(task.number)
        with contextlib.suppress(OSError):  # it just died: `events` will say so
            if worker.open.needs(task.problem):
                worker.connection.send(Learn(task.problem, self._learnt[task.problem]))
            worker.connection.send(task)

    def stop(self, number: int) -> None:
        for worker in self._workers:
            if worker.number == number:
                with contextlib.suppress(OSError):
                    worker.connection.send(Stop(number))

    def events(self, timeout: float) -> Iterator[Event]:
        spoken = wait([worker.connection for worker in self._workers], timeout)
        for slot, worker in enumerate(list(self._workers)):
            if worker.connection in spoken:
                yield self._receive(slot)
            elif reason := self._watch.silent_too_long(worker):
                yield self._replace(slot, reason)

    def close(self) -> None:
        for worker in self._workers:
            _kill(worker.process)
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()

    def _receive(self, slot: int) -> Event:
        worker = self._workers[slot]
        try:
            message: Message = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(5)
            if FORKED and worker.process.exitcode == ORPHANED:
                reason = "the process that workers are forked from died, and they with it"
                return self._replace(slot, reason, blameless=True)
            return self._replace(slot, f"worker died ({_ending(worker.process.exitcode)})")
        if isinstance(message, Crashed):
            return self._replace(slot, with_details(message.reason, message.detail))
        if isinstance(message, Ready):
            self.description = message.description
        self._watch.hears(worker, message)
        return message

    def _replace(self, slot: int, reason: str, *, blameless: bool = False) -> Lost:
        old = self._workers[slot]
        _kill(old.process)
        old.process.join()
        old.connection.close()
        self._watch.loses(old, reason)
        self._workers[slot] = self._start(slot)
        return Lost(old.number, reason, blameless)

    def _start(self, slot: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        setup = replace(self._setup, slot=slot)
        process = self._context.Process(target=_work, args=(setup, theirs), daemon=True)
        with _children_ignore_ctrl_c(), _without_main():
            for attempt in range(START_ATTEMPTS):
                try:
                    process.start()
                    break
                except (EOFError, ConnectionError):
                    # The process that workers are forked from is ending, as by a SIGTERM to the
                    # whole group: a moment later another one is begun.
                    if attempt == START_ATTEMPTS - 1:
                        raise
                    time.sleep(0.2 * (attempt + 1))
        theirs.close()
        return _Worker(process, ours)


@contextlib.contextmanager
def _children_ignore_ctrl_c() -> Iterator[None]:
    """Ctrl-C reaches the whole process group; what to do about it is the driver's decision."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """A spawned process imports the caller's main module, and would run a script's search again."""
    main = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {
        name: main.pop(name) for name in ("__file__", "__spec__") if name in main
    }
    main["__spec__"] = None
    try:
        yield
    finally:
        main |= hidden


def _kill(process: BaseProcess) -> None:
    # The number of a fork that has ended may be another process's by now: look first.
    if process.is_alive():
        process.kill()


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"


# --- in the worker's process --------------------------------------------------------------------


def _work(setup: WorkerSetup, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_driver()
    serve(setup, connection)


def _end_with_driver() -> None:
    """Leave as soon as the driver is gone, whatever this process is doing then."""
    driver = multiprocessing.parent_process()
    assert driver is not None
    if sys.platform == "linux":  # FORKED, in words that a check of types for Windows reads
        # The process that workers are forked from lives as long as the driver, if they do not keep
        # it alive by this; and with it ends, by the kernel, also a worker that hangs.
        os.close(forkserver._forkserver._forkserver_alive_fd)  # type: ignore[attr-defined]
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        wait([driver.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
