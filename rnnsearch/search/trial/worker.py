"""A worker's side of the protocol, whatever process it runs in: tasks in, epochs out."""

import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from rnnsearch.search.trial.protocol import (
    Crashed,
    Done,
    EpochReport,
    Failed,
    Learn,
    Message,
    Open,
    Outcome,
    Progress,
    Ready,
    Stop,
    Stopped,
    Task,
    WorkerSetup,
)

if TYPE_CHECKING:
    from rnnsearch.search.trial.runner import TrialRunner


class Link(Protocol):
    """The way to the driver; a `multiprocessing.Connection` is one."""

    def send(self, message: Message, /) -> None: ...
    def recv(self) -> Task | Stop | Learn: ...
    def poll(self) -> bool: ...


def serve(setup: WorkerSetup, link: Link) -> None:
    """Run one task after the other until the driver is gone."""
    number = -1
    try:
        from rnnsearch.search.trial.runner import (
            TrialRunner,  # takes 2 s (torch): not in the driver
        )

        runners, known = {0: TrialRunner(setup)}, Open()
        link.send(Ready(runners[0].description))
        while True:
            message = link.recv()
            if isinstance(message, Learn):
                told = replace(message.setup, slot=setup.slot)
                runners[message.problem] = TrialRunner(told)
                known.needs(message.problem)
                runners = {one: runners[one] for one in (0, *known.numbers)}
            if isinstance(message, Task):  # a Stop may come after its trial has ended
                number = message.number
                known.needs(message.problem)
                _run(runners[message.problem], message, link)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the driver is gone
    except Exception as error:
        link.send(crashed(number, error))


def message(number: int, said: EpochReport | Outcome | str) -> Progress | Done | Failed:
    """What the runner of a trial has said, as the driver is told."""
    if isinstance(said, str):
        return Failed(number, said)
    return Done(number, said) if isinstance(said, Outcome) else Progress(number, said)


def crashed(number: int, error: Exception) -> Crashed:
    """An error that is being handled, as the driver is told."""
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return Crashed(number, reason, traceback.format_exc())


def _run(runner: "TrialRunner", task: Task, link: Link) -> None:
    for said in runner.run(task):
        told = message(task.number, said)
        link.send(told)
        if isinstance(told, Progress):
            while link.poll():
                if link.recv() == Stop(task.number):
                    link.send(Stopped(task.number))
                    return
