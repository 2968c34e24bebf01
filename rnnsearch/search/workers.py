"""Training processes on this machine: started, fed, watched, replaced.

A worker that dies, or is silent for longer than its earlier epochs explain, is replaced, and the
driver is told which trial it held. Workers end with their driver, however that one ends.
"""

import contextlib
import ctypes
import math
import multiprocessing
import os
import signal
import statistics
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnnsearch.config import home
from rnnsearch.errors import RnnsearchError
from rnnsearch.search.protocol import (
    Crashed,
    Done,
    Event,
    Failed,
    Lost,
    Message,
    Outcome,
    Progress,
    Ready,
    Stop,
    Stopped,
    Task,
    WorkerSetup,
)

if TYPE_CHECKING:
    from rnnsearch.search.trial import TrialRunner

START_SECONDS = 120.0  # within which a worker must be ready
START_FAILURES = 3  # in a row before giving up
FIRST_EPOCHS_SECONDS = 3600.0  # patience with a trial of unknown pace while none is known
UNKNOWN_SECONDS = 600.0  # such a trial may always be silent for so long
QUIET_SECONDS = 60.0  # ... and one of known pace for so long
QUIET_EPOCHS = 20  # ... or for so many of its median epochs, or of the longest of other trials
WORKERS_PER_GPU = 4
PR_SET_PDEATHSIG = 1  # of Linux' prctl


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    ready: bool = False
    number: int | None = None  # of the trial it holds
    heard: float = field(default_factory=time.monotonic)
    pauses: list[float] = field(default_factory=list)  # between the messages of its trial

    @property
    def idle(self) -> bool:
        return self.ready and self.number is None

    def silent_too_long(self, longest: float) -> str:
        """Why it must be hung, or nothing. `longest`: pause of any trial so far, 0 before one."""
        silence = time.monotonic() - self.heard
        if not self.ready:
            return f"not ready after {silence:.0f} s" if silence > START_SECONDS else ""
        if self.number is None:
            return ""
        if len(self.pauses) >= 2:
            patience = max(QUIET_SECONDS, QUIET_EPOCHS * statistics.median(self.pauses))
        elif longest:
            patience = max(UNKNOWN_SECONDS, QUIET_EPOCHS * longest)
        else:
            patience = FIRST_EPOCHS_SECONDS
        return f"hung: silent for {silence:.0f} s" if silence > patience else ""


class LocalWorkers:
    """`count` processes with one trial each at a time. See `protocol.Workers`."""

    def __init__(self, setup: WorkerSetup, count: int) -> None:
        self.count = count
        self.description: dict[str, str] = {}
        self._setup = setup
        self._context = multiprocessing.get_context("spawn")
        self._start_failures = 0
        self._longest_pause = 0.0
        self._workers = [self._start(slot) for slot in range(count)]

    def has_idle(self) -> bool:
        return any(worker.idle for worker in self._workers)

    def submit(self, task: Task) -> None:
        worker = next(worker for worker in self._workers if worker.idle)
        worker.number, worker.heard, worker.pauses = task.number, time.monotonic(), []
        with contextlib.suppress(OSError):  # it just died: `events` will say so
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
            elif reason := worker.silent_too_long(self._longest_pause):
                yield self._replace(slot, reason)

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()

    def _receive(self, slot: int) -> Event:
        worker = self._workers[slot]
        try:
            message: Message = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(5)
            return self._replace(slot, f"worker died ({_ending(worker.process.exitcode)})")
        now = time.monotonic()
        match message:
            case Crashed(reason=reason, detail=detail):
                return self._replace(slot, reason, detail)
            case Ready(description=description):
                worker.ready, self._start_failures = True, 0
                self.description = description
            case Progress(report=report):  # it may have been said long before it was heard
                worker.pauses.append(max(now - worker.heard, report.seconds))
                self._longest_pause = max(self._longest_pause, worker.pauses[-1])
            case Done() | Stopped() | Failed():
                worker.number = None
        worker.heard = now
        return message

    def _replace(self, slot: int, reason: str, detail: str = "") -> Lost:
        old = self._workers[slot]
        old.process.kill()
        old.process.join()
        old.connection.close()
        kept = f"; details are in {_keep(detail)}" if detail else ""
        if not old.ready:
            self._start_failures += 1
            if self._start_failures >= START_FAILURES:
                raise RnnsearchError(
                    f"workers: {START_FAILURES} in a row ended before they were ready ({reason}); "
                    "try --workers 1 and --device cpu" + kept
                )
        self._workers[slot] = self._start(slot)
        return Lost(old.number, reason + kept)

    def _start(self, slot: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        setup = replace(self._setup, slot=slot)
        process = self._context.Process(target=_work, args=(setup, theirs), daemon=True)
        with _children_ignore_ctrl_c(), _without_main():
            process.start()
        theirs.close()
        return _Worker(process, ours)


def plan_workers(device: str, workers: Literal["auto"] | int) -> tuple[str, int, int]:
    """Device, number of workers, and how many of them share a device.

    One worker per core, or four per GPU: a single network of this size leaves a GPU idle.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = cores or 1
    if device == "cpu" or (device == "auto" and not _may_have_gpu()):
        return "cpu", cores if workers == "auto" else workers, 1
    import torch  # two seconds, spent only where there may be a GPU

    from rnnsearch.model.device import choose_device

    kind = choose_device(device).type
    devices = torch.cuda.device_count() if device in ("auto", "cuda") and kind == "cuda" else 1
    count = workers if workers != "auto" else cores
    if workers == "auto" and kind != "cpu":
        count = max(1, min(cores, WORKERS_PER_GPU * devices))
    return (kind if device == "auto" else device), count, max(1, math.ceil(count / devices))


def _may_have_gpu() -> bool:
    return sys.platform == "darwin" or any(map(os.path.exists, ("/dev/nvidiactl", "/dev/dxg")))


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


def _keep(traceback_text: str) -> Path:
    """Keep a worker's traceback for us; the user sees its last line."""
    log = home() / "error.log"
    with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.write(traceback_text + "\n")
    return log


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"


# --- in the worker's process --------------------------------------------------------------------


def _work(setup: WorkerSetup, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_driver()
    number = -1
    try:
        from rnnsearch.search.trial import TrialRunner  # takes 2 s (torch): not in the driver

        runner = TrialRunner(setup)
        connection.send(Ready(runner.description))
        while (message := connection.recv()) is not None:
            if isinstance(message, Task):  # a Stop may come after its trial has ended
                number = message.number
                _run(runner, message, connection)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the driver is gone
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        connection.send(Crashed(number, reason, traceback.format_exc()))


def _run(runner: "TrialRunner", task: Task, connection: Connection) -> None:
    for said in runner.run(task.parameters):
        if isinstance(said, str):
            connection.send(Failed(task.number, said))
        elif isinstance(said, Outcome):
            connection.send(Done(task.number, said))
        else:
            connection.send(Progress(task.number, said))
            while connection.poll():
                if connection.recv() == Stop(task.number):
                    connection.send(Stopped(task.number))
                    return


def _end_with_driver() -> None:
    """Leave as soon as the driver is gone, whatever this process is doing then."""
    driver = multiprocessing.parent_process()
    assert driver is not None
    if sys.platform == "linux":  # the kernel sees to it also where this process hangs
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        wait([driver.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
