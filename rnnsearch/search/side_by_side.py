"""What is done with each of many series, by several processes where there are enough of them."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

PARALLEL = 40
"""Series from which on several processes are worth it: each takes a second to start."""
MOST = 8  # processes

T = TypeVar("T")
R = TypeVar("R")

Reading = Callable[[int, int], None]
"""Is told how many series are read, of how many."""


def silently(done: int, count: int) -> None:
    """Nobody is told."""


def side_by_side(do: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """`do` of each, in their order, each as soon as it is there.

    `do` is a function of a module, as it may be called in another process.
    """
    left = list(items)
    # Elsewhere each process would load everything anew.
    cores = 1
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    if len(items) >= PARALLEL and cores > 1:
        # Of a script that may not be imported again, no process can be started.
        with (
            contextlib.suppress(BrokenProcessPool),
            ProcessPoolExecutor(min(cores, MOST), mp_context=get_context("forkserver")) as pool,
        ):
            for done in pool.map(do, items, chunksize=8):
                del left[0]
                yield done
    yield from map(do, left)
