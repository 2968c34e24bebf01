"""Kernels of every width in one process, for tests: each runs on any processor that has its lanes.

Width by width they are compiled for an older processor that is no wider; NEON's four lanes are
SSE's on x86. A width that this processor does not have is left out.
"""

import platform
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from filelock import FileLock
from llvmlite import binding

from rnnsearch.arrays import Floats
from rnnsearch.model.kernels import cache as kernel_cache
from rnnsearch.model.kernels.codegen.building import compile_kernels
from rnnsearch.model.kernels.codegen.widths import WIDTHS
from rnnsearch.model.kernels.program import Machine

ZONE = 64  # numbers, a multiple of a cache line's

MADE_FOR = {
    "avx512": ("skylake-avx512", ""),
    "avx2": ("haswell", ""),
    "neon": ("x86-64-v2", ""),
}


def _usable() -> list[str]:
    if platform.machine() not in ("x86_64", "AMD64"):
        return ["neon"]
    features = binding.get_host_cpu_features()
    return [
        width.name
        for width in WIDTHS
        if width.name == "neon" or all(features.get(name) for name in width.features)
    ]


USABLE = _usable()


@cache
def machine(name: str) -> Machine:
    """The kernels of a width, compiled once for all tests."""
    width = next(width for width in WIDTHS if width.name == name)
    if platform.machine() in ("x86_64", "AMD64"):
        cpu, features = MADE_FOR[name]
    else:
        cpu, features = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    made_of = kernel_cache._made_of(kernel_cache.Host(width, cpu, features))
    folder = Path(tempfile.gettempdir()) / "rnnsearch-tests-widths"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{made_of}.o"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            draft = path.with_suffix(".part")
            draft.write_bytes(compile_kernels(width, cpu, features))
            draft.rename(path)
    return Machine(width, path.read_bytes())


class Guarded:
    """Allocates arrays with zones of NaN before and behind them.

    What reads outside has NaN in its results, and what writes outside is seen by `check`.
    """

    def __init__(self) -> None:
        self._rooms: list[tuple[Floats, int, int]] = []

    def __call__(self, size: int) -> Floats:
        room = np.full(size + 2 * ZONE + 16, np.nan, np.float32)
        start = ZONE + -(room.ctypes.data + 4 * ZONE) % 64 // 4
        room[start : start + size] = 0
        self._rooms.append((room, start, start + size))
        return room[start : start + size]

    def check(self) -> int:
        """Raises AssertionError where a zone was written to; returns how many arrays there are."""
        for room, start, stop in self._rooms:
            assert np.isnan(room[:start]).all(), "written before an array"
            assert np.isnan(room[stop:]).all(), "written behind an array"
        return len(self._rooms)
