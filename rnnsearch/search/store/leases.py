"""Which drivers of a study are alive.

A driver writes a lease into the study and renews it. Other drivers decide by their own clock: a
lease that did not change for LAPSE_SECONDS of watching is void, and so at once is that of a process
of this machine that is gone. What is only shown may go by both clocks (`seems_gone`). (Optuna's
heartbeat needs `Study.optimize`.)
"""

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import filelock
import psutil

from rnnsearch.data.atomic import unwritable
from rnnsearch.errors import HeldStudyError
from rnnsearch.search.store.databases import sqlite_file
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import RUNNING, TrialView
from rnnsearch.tracking import shown_uri

RENEW_SECONDS = 10.0
LAPSE_SECONDS = 60.0
PREFIX = "driver:"


class Lease:
    """This process's claim on the trials it runs."""

    def __init__(self, store: Store, workers: int, engine: str) -> None:
        process = psutil.Process()
        self.id = f"{socket.gethostname()}-{process.pid}-{secrets.token_hex(3)}"
        self._store = store
        self._record: dict[str, Any] = {
            "machine": machine(),
            "pid": process.pid,
            "born": process.create_time(),
            "engine": engine,
            "renewals": 0,
        }
        self._renewed = 0.0
        self.renew(workers, now=True)

    def renew(self, workers: int, *, now: bool = False) -> None:
        """Renew if it is time (or `now`), with the number of workers there are."""
        if now or time.monotonic() - self._renewed > RENEW_SECONDS:
            self._record["renewals"] += 1
            self._record |= {"workers": workers, "renewed": time.time()}
            self._store.note(PREFIX + self.id, self._record)
            self._renewed = time.monotonic()

    def release(self) -> None:
        """Say that this driver has left and runs nothing any more."""
        forget(self._store, self.id)


class LeaseWatch:
    """What this process has seen of the others' leases."""

    def __init__(self, store: Store, *, alone: bool) -> None:
        """`alone`: a lock says that there is no other driver."""
        self._store = store
        self._alone = alone
        self._seen: dict[str, tuple[int, float]] = {}  # name -> value, since when
        self._looked = 0.0

    def look(self) -> dict[str, Any]:
        """The leases as they are now. Time without a look (this process was stopped, the storage
        was away) says nothing about the others: what was seen before it is forgotten."""
        alive = leases(self._store)
        now = time.monotonic()
        if now - self._looked > LAPSE_SECONDS / 2:
            self._seen.clear()
        self._looked = now
        return alive

    def is_dead(self, driver: str, leases: dict[str, Any]) -> bool:
        """Whether nobody will finish the trials of `driver`."""
        record = leases.get(driver)
        if self._alone or record is None or process_is_gone(record):
            return True
        return self._unchanged(driver, record["renewals"])

    def is_nobodys(self, trial: int) -> bool:
        """Whether the driver of a trial died before it wrote its name."""
        return self._alone or self._unchanged(f"trial {trial}", 0)

    def _unchanged(self, name: str, value: int) -> bool:
        """Whether this process has seen the same value for LAPSE_SECONDS."""
        last, since = self._seen.get(name, (None, 0.0))
        if last != value:
            self._seen[name] = (value, time.monotonic())
            return False
        return time.monotonic() - since > LAPSE_SECONDS


def leases(store: Store) -> dict[str, Any]:
    """The leases that have not been released: driver -> record."""
    return {
        key.removeprefix(PREFIX): record
        for key, record in store.notes().items()
        if key.startswith(PREFIX) and record is not None
    }


def forget(store: Store, driver: str) -> None:
    """Take a dead driver's lease away."""
    store.note(PREFIX + driver, None)


def process_is_gone(record: dict[str, Any]) -> bool:
    """Whether a lease belongs to a process of this machine that has ended."""
    if record["machine"] != machine():
        return False
    try:
        born: float = psutil.Process(record["pid"]).create_time()
        return bool(abs(born - record["born"]) > 1)
    except psutil.NoSuchProcess:
        return True


def seems_gone(record: dict[str, Any]) -> bool:
    """Whether a lease looks void to whoever looks but once, by the clocks of both machines."""
    return process_is_gone(record) or time.time() - record["renewed"] > 2 * LAPSE_SECONDS


def working(store: Store) -> dict[str, Any]:
    """The leases of the drivers that seem to be at work: driver -> record."""
    return {k: lease for k, lease in leases(store).items() if not seems_gone(lease)}


def is_abandoned(trial: TrialView, working: Collection[str]) -> bool:
    """Whether nobody runs a running trial. One without a name may be any driver's yet."""
    if trial.state != RUNNING:
        return False
    return trial.driver not in working if trial.driver is not None else not working


def machine() -> str:
    """Names a space of process numbers: a host, since its start, or a container on it."""
    parts = [socket.gethostname(), f"{psutil.boot_time():.0f}"]
    namespace = Path("/proc/self/ns/pid")
    if namespace.exists():
        parts.append(os.readlink(namespace))
    return " ".join(parts)


# --- one driver at a time on SQLite -------------------------------------------------------------


@contextlib.contextmanager
def only_driver(store: Store) -> Iterator[bool]:
    """Hold a SQLite study for one driver; the lock ends with the process, however it ends.

    Yields whether this driver is alone; on a server it may not be.
    """
    database = sqlite_file(store.url)
    if database is None:
        yield False
        return
    lock = filelock.FileLock(f"{database}.{store.name}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise HeldStudyError(
            f"{shown_uri(store.url)}: study {store.name!r} is being searched by another process, "
            "and SQLite serves one driver; wait for it, or share the study through PostgreSQL "
            '([run] storage = "postgresql://...")'
        ) from None
    except OSError as error:
        raise unwritable(database, error) from None
    try:
        yield True
    finally:
        lock.release()
