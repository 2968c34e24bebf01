"""Kernels one after the other, with what they work on: a list that one native loop runs.

What a kernel is given is checked where it is put into the list: the names, the type and order in
memory of every array, and that it holds as many numbers as the kernel will touch. Running checks
nothing.
"""

import ctypes
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from llvmlite import binding
from numpy.typing import NDArray

from rnnsearch.model.kernels.codegen.building import kernels
from rnnsearch.model.kernels.codegen.code import Kernel
from rnnsearch.model.kernels.codegen.widths import Width

WORDS = 24
"""64-bit words of a row: a kernel's address and what it is given."""

Array: TypeAlias = NDArray[Any]
Given: TypeAlias = int | float | Array


class Machine:
    """The kernels of a width in this process's memory."""

    def __init__(self, width: Width, object_file: bytes) -> None:
        self.width = width
        self.kernels: Mapping[str, Kernel] = kernels(width)
        self.addresses, self._memory = linked(object_file, list(self.kernels))
        self.run = function(self.addresses["run"])


def linked(object_file: bytes, names: Sequence[str]) -> tuple[dict[str, int], object]:
    """The addresses of an object file's kernels, and what keeps them in memory."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    # LLVM's older linker puts code and constants wherever there is room, and ends the process where
    # they come to lie 2 GB apart; this one reserves one place for both. Its Windows part is young.
    compiler = binding.create_lljit_compiler(use_jit_link=sys.platform != "win32")
    library = binding.JITLibraryBuilder().add_object_img(object_file).add_current_process()
    for name in names:
        library.export_symbol(name)
    tracker = library.link(compiler, "kernels")
    return {name: int(tracker[name]) for name in names}, (compiler, tracker)


def function(address: int) -> Callable[[int], None]:
    """A kernel to be called with the address of its row."""
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)


class Program:
    """A list of kernels. It keeps the arrays alive that its kernels work on."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._rows: list[list[int]] = []
        self._arrays: list[Array] = []
        self._table: NDArray[np.int64] | None = None

    def add(self, name: str, **given: Given) -> None:
        """One more kernel. Raises TypeError or ValueError for what it cannot work on."""
        kernel = self._machine.kernels[name]
        if set(given) != set(kernel.words):
            raise TypeError(f"{name}: is given {sorted(given)}, and takes {sorted(kernel.words)}")
        numbers = {key: value for key, value in given.items() if isinstance(value, int)}
        sizes = kernel.sizes(numbers)
        row = [self._machine.addresses[name]]
        for key in kernel.words:
            value = given[key]
            if isinstance(value, np.ndarray):
                _check(name, key, value, sizes.get(key, 1))
                self._arrays.append(value)
                row.append(value.ctypes.data)
            elif isinstance(value, float):
                row.append(int(np.float64(value).view(np.int64)))
            else:
                row.append(int(value))
        self._rows.append(row)

    def run(self, times: int = 1) -> None:
        """Run all kernels in order, so many times over."""
        if self._table is None:
            self._table = np.zeros((len(self._rows), WORDS), np.int64)
            for number, row in enumerate(self._rows):
                self._table[number, : len(row)] = row
            self._head = np.zeros(5, np.int64)
            self._head[1:] = self._table.ctypes.data, len(self._rows), WORDS * 8, 0
        self._head[4] = times
        self._machine.run(self._head.ctypes.data)


def _check(name: str, key: str, array: Array, size: int) -> None:
    wanted = (np.float32, np.int64) if key in ("state",) else (np.float32,)
    if array.dtype not in wanted or not array.flags.c_contiguous:
        raise TypeError(
            f"{name}: {key} is {array.dtype}, contiguous: {array.flags.c_contiguous}; "
            "a kernel takes contiguous float32"
        )
    if array.size < size:
        raise ValueError(f"{name}: {key} holds {array.size} numbers, and it takes {size}")
