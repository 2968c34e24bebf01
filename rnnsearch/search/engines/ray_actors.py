"""Training in Ray actors: placed, fed, heard, watched, and asked for again when they are lost.

Placement, transfer and the news of dead nodes are Ray's. The input table is put into the object
store once; a node that gets an actor fetches it once and its actors map that copy. Of many series
each has a table there while it is searched. An actor belongs to its driver and ends with it.

An actor trains in a thread. The driver keeps one call open to each (`hear`), which returns as soon
as there is something to be said; and tells it tasks and stops in calls of their own, in order.
"""

import queue
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import ray

from rnnsearch.config import StudyFile, kernels_folder
from rnnsearch.search.engines import ray_cluster
from rnnsearch.search.engines.machine import Notice
from rnnsearch.search.engines.watching import Watch, Watched, with_details
from rnnsearch.search.problem import Problem
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

RESIZE_SECONDS = 5.0  # between looks at the size of the cluster
PLACE_SECONDS = 20.0  # after which the user, and the driver, are told that workers have no place


@dataclass(frozen=True)
class Placed:
    """An actor's first word: its process runs."""

    node: str


@dataclass
class _Actor(Watched):
    handle: Any
    words: Any  # reference of what it says next
    node: str = ""  # none while it waits for a place
    open: Open = field(default_factory=Open)


class RayWorkers:
    """As many actors as are asked for, or the cluster has room for. See `base.SharedWorkers`."""

    def __init__(self, problem: Problem, notice: Notice, most: int | None = None) -> None:
        """At most `most` of them.

        Raises StudyFileError where no cluster answers, or no node can hold a worker.
        """
        self.description: dict[str, str] = {}
        self._notice = notice
        self._limit, self._most = most_workers(problem.study), most
        self._watch = Watch("rnnsearch must be installed alike on every node of the cluster")
        self._actors: list[_Actor] = []
        self._learnt: dict[int, Any] = {}  # references of the setups of further problems
        self._looked = -RESIZE_SECONDS
        self._wanted = 0
        self._began: float | None = time.monotonic()
        self._placed = time.monotonic()  # when an actor had a place
        self._joined = ray_cluster.join(problem.study.run.ray_address, problem.table.values.nbytes)
        try:
            cluster = ray_cluster.nodes()
            self._demand = demand = ray_cluster.demand_of(problem.study, cluster)
            ray_cluster.require_room(demand, cluster)
            self._setup = ray.put(portable_setup(problem, demand))
            options: dict[str, Any] = {
                "num_cpus": demand.cpus,
                "num_gpus": demand.gpus,
                "concurrency_groups": {"tell": 1, "hear": 1},  # a thread each, calls in order
            }
            self._class = ray.remote(**options)(TrialActor)
            self._resize()
        except BaseException:
            self.close()
            raise

    @property
    def count(self) -> int:
        return len(self._actors)

    def has_idle(self) -> bool:
        return any(actor.idle for actor in self._actors)

    def starved(self) -> bool:
        placed = any(actor.node for actor in self._actors)
        return not placed and time.monotonic() - self._placed > PLACE_SECONDS

    def learn(self, number: int, problem: Problem) -> None:
        self._learnt[number] = ray.put(portable_setup(problem, self._demand))

    def forget(self, number: int) -> None:
        self._learnt.pop(number, None)

    def submit(self, task: Task) -> None:
        actor = next(actor for actor in self._actors if actor.idle)
        actor.holds(task.number)
        if actor.open.needs(task.problem):
            actor.handle.tell.remote(task, self._learnt[task.problem])
        else:
            _tell(actor, task)

    def stop(self, number: int) -> None:
        for actor in self._actors:
            if actor.number == number:
                _tell(actor, Stop(number))

    def events(self, timeout: float) -> Iterator[Event]:
        self._resize()
        if any(actor.node for actor in self._actors):
            self._placed = time.monotonic()
        self._say_who_waits()
        speakers = {actor.words: actor for actor in self._actors}
        if not speakers:
            time.sleep(timeout)
            return
        said, _ = ray.wait(list(speakers), timeout=timeout)
        if said:
            said, _ = ray.wait(list(speakers), num_returns=len(speakers), timeout=0)
        for words in said:
            yield from self._receive(speakers.pop(words))
        for actor in speakers.values():
            if actor.node and (reason := self._watch.silent_too_long(actor)):
                yield self._replace(actor, reason)

    def close(self) -> None:
        for actor in self._actors:
            ray.kill(actor.handle)
        self._actors.clear()
        if self._joined:
            ray.shutdown()

    def _receive(self, actor: _Actor) -> Iterator[Event]:
        try:
            messages: list[Message | Placed] = ray.get(actor.words)
        except ray.exceptions.RayError as error:
            yield self._replace(actor, _why(error, actor.node))
            return
        actor.words = _hear(actor.handle)
        for message in messages:
            if isinstance(message, Placed):
                actor.node, actor.heard = message.node, time.monotonic()
                continue
            if isinstance(message, Crashed):
                yield self._replace(actor, with_details(message.reason, message.detail))
                return
            if isinstance(message, Ready):
                self.description = message.description
            self._watch.hears(actor, message)
            yield message

    def _replace(self, actor: _Actor, reason: str) -> Lost:
        ray.kill(actor.handle)
        self._actors.remove(actor)
        self._watch.loses(actor, reason)
        self._looked = -RESIZE_SECONDS
        return Lost(actor.number, reason)

    def _resize(self) -> None:
        """Ask for as many actors as there should be now; those without a place yet are not ready.

        Actors beyond that number are on nodes that are leaving, and end with them.
        """
        if time.monotonic() - self._looked > RESIZE_SECONDS:
            room = sum(node.room(self._demand) for node in ray_cluster.nodes())
            wanted = self._limit or max(room, 1)
            self._wanted = wanted if self._most is None else min(wanted, self._most)
            self._looked = time.monotonic()
        while len(self._actors) < self._wanted:
            handle = self._class.remote(self._setup)
            self._actors.append(_Actor(handle=handle, words=_hear(handle)))

    def _say_who_waits(self) -> None:
        """Once, some time after the start."""
        if self._began is None or time.monotonic() - self._began < PLACE_SECONDS:
            return
        self._began = None
        waiting = sum(not actor.node for actor in self._actors)
        if waiting:
            self._notice(
                f"{waiting} of {self.count} workers wait for a place in the Ray cluster; each asks "
                f"for {self._demand}"
            )


def most_workers(study: StudyFile) -> int | None:
    """How many actors to ask for whatever the cluster's size; None: as many as have room."""
    workers = study.run.workers
    return study.run.max_workers or (None if workers == "auto" else workers)


def portable_setup(problem: Problem, demand: ray_cluster.Demand) -> WorkerSetup:
    """The setup with the table itself in the place of a file of this machine."""
    wished = problem.study.run.kernels == "auto"
    kernels = kernels_folder() if wished else None  # each node has, or makes, its processor's
    setup = problem.worker_setup(demand.device, demand.workers_per_device, kernels)
    table = replace(problem.table, values=np.asarray(problem.table.values), path=None)
    return replace(setup, table=table)


def _tell(actor: _Actor, message: Task | Stop) -> None:
    actor.handle.tell.remote(message)


def _hear(handle: Any) -> Any:
    return handle.hear.remote()


def _why(error: Exception, node: str) -> str:
    """Ray's page of text in one line."""
    text = re.sub(r"\x1b\[\d+m", "", str(error)).strip()
    if "its node has died" in text:
        return f"node {node} was lost ({text.rpartition(': ')[2]})"
    if detail := re.search(r"Worker exit detail: (.*?)\.? *(?:Some common causes|$)", text):
        return f"worker on {node} died ({detail[1]})"
    return text.splitlines()[-1].strip()


# --- in the actor's process ---------------------------------------------------------------------


class TrialActor:
    """A worker whose link to the driver are two queues."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._link = QueueLink()
        self._link.said.put(Placed(ray_cluster.this_node()))
        threading.Thread(target=serve, args=(setup, self._link), daemon=True).start()

    @ray.method(concurrency_group="tell")  # type: ignore[untyped-decorator]
    def tell(self, message: Task | Stop, setup: WorkerSetup | None = None) -> None:
        """`setup`: what a task is about, where that is new here."""
        if setup is not None and isinstance(message, Task):
            self._link.told.put(Learn(message.problem, setup))
        self._link.told.put(message)

    @ray.method(concurrency_group="hear")  # type: ignore[untyped-decorator]
    def hear(self) -> list[Message | Placed]:
        """All that was said since the last call; waits until there is something."""
        said = [self._link.said.get()]
        while not self._link.said.empty():
            said.append(self._link.said.get())
        return said


class QueueLink:
    """See `serving.Link`."""

    def __init__(self) -> None:
        self.told: queue.SimpleQueue[Task | Stop | Learn] = queue.SimpleQueue()
        self.said: queue.SimpleQueue[Message | Placed] = queue.SimpleQueue()

    def send(self, message: Message) -> None:
        self.said.put(message)

    def recv(self) -> Task | Stop | Learn:
        return self.told.get()

    def poll(self) -> bool:
        return not self.told.empty()
