"""What workers of this machine are told, how many there is room for, and on which device."""

import math
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

from rnnsearch.search.trial.protocol import WorkerSetup

if TYPE_CHECKING:  # a command warms its engine up before it imports what takes longer
    from rnnsearch.search.problem import Problem

Notice: TypeAlias = Callable[[str], None]
"""Tells the user a sentence."""

WORKERS_PER_GPU = 4


def setup_here(
    problem: "Problem", notice: Notice, workers: Literal["auto"] | int
) -> tuple[WorkerSetup, int]:
    """What workers of this machine are told, and how many there shall be; their kernels are made.

    Raises StudyFileError for a device that is not here.
    """
    from rnnsearch.search.engines.kernels import prepare

    run = problem.study.run
    device, count, per_device = plan_workers(run.device, workers)
    kernels = prepare(run, device, notice)
    return problem.worker_setup(device, per_device, kernels), count


def plan_workers(device: str, workers: Literal["auto"] | int) -> tuple[str, int, int]:
    """Device, number of workers, and how many of them share a device.

    One worker per core, or four per GPU: a single network of this size leaves a GPU idle.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = cores or 1
    if surely(device) == "cpu":
        return "cpu", cores if workers == "auto" else workers, 1
    import torch  # two seconds, spent only where there may be a GPU

    from rnnsearch.model.device import choose_device

    kind = choose_device(device).type
    devices = torch.cuda.device_count() if device in ("auto", "cuda") and kind == "cuda" else 1
    count = workers if workers != "auto" else cores
    if workers == "auto" and kind != "cpu":
        count = max(1, min(cores, WORKERS_PER_GPU * devices))
    return (kind if device == "auto" else device), count, max(1, math.ceil(count / devices))


def surely(device: str) -> str | None:
    """The device that is meant, where that can be told without torch."""
    if device == "auto":
        return None if _may_have_gpu() else "cpu"
    return device


def _may_have_gpu() -> bool:
    return sys.platform == "darwin" or any(map(os.path.exists, ("/dev/nvidiactl", "/dev/dxg")))
