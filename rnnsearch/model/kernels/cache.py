"""The compiled kernels on disk: made once per machine and version, and fit to be trusted.

They are tried against torch before they are kept, as no test of ours has seen every processor.
A file's name says what it was made of (the code that writes the kernels, LLVM, the processor and
its features); its first line is the checksum of the rest. So another machine or version on the same
disk has its own, and a damaged file is made again.
"""

import contextlib
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import filelock

from rnnsearch.data.atomic import read_file, replace_file
from rnnsearch.errors import StorageError
from rnnsearch.language import _

if TYPE_CHECKING:
    import torch

    from rnnsearch.model.kernels.codegen.widths import Width
    from rnnsearch.model.kernels.program import Machine

Wish = Literal["auto", "torch"]


class NoKernels(Exception):  # noqa: N818 (torch trains instead)
    """Why this machine has none, in words."""


@dataclass(frozen=True)
class Host:
    """What kernels are compiled for."""

    width: "Width"
    cpu: str  # as LLVM calls it
    features: str


def host() -> Host:
    """This machine. Raises NoKernels where it is none that the kernels are written for."""
    try:
        from llvmlite import binding

        from rnnsearch.model.kernels.codegen.widths import of_features
    except (ImportError, OSError) as error:  # OSError: its library does not load
        raise NoKernels(f"llvmlite cannot be used ({error})") from None
    try:
        features = binding.get_host_cpu_features()
    except RuntimeError:  # LLVM cannot ask every processor
        features = binding.FeatureMap()
    arm = platform.machine() in ("arm64", "aarch64")  # all of which have NEON
    width = of_features(features | {"neon": True} if arm else features)
    if width is None:
        raise NoKernels("the processor has none of AVX-512, AVX2 and NEON")
    return Host(width, binding.get_host_cpu_name(), features.flatten())


def ensure(folder: Path, say: Callable[[str], None], machine: Host | None = None) -> Path:
    """The file of this machine's kernels, compiled if it is not there.

    Raises NoKernels where it cannot be.
    """
    machine = machine or host()
    path = folder / f"{machine.width.name}-{_made_of(machine)}.o"
    if _read(path) is not None:
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        say(_("compiling kernels for this processor, once (a few seconds)"))
        with filelock.FileLock(f"{path}.lock"):  # the second of two waits for the first
            if _read(path) is None:
                _make(path)
    except OSError as error:
        raise NoKernels(f"{folder}: cannot be written ({error.strerror or error})") from None
    except StorageError as error:
        raise NoKernels(str(error).partition(";")[0]) from None
    return path


def load(path: Path, machine: Host | None = None) -> "Machine":
    """The kernels of a file that `ensure` gave. Raises NoKernels where it is not what it was."""
    from rnnsearch.model.kernels.program import Machine

    code = _read(path)
    if code is None:
        raise NoKernels(f"{path}: is damaged or gone")
    return Machine((machine or host()).width, code)


def kernels_for(
    wish: Wish, device: "torch.device", folder: Path, say: Callable[[str], None]
) -> "Machine | None":
    """The kernels that train on a device, loaded once per process; None where torch does.

    `say` is told of compiling, and why there are none.
    """
    if wish == "torch" or device.type != "cpu":
        return None
    with telling(say):
        return _loaded(ensure(folder, say))
    return None


@contextlib.contextmanager
def telling(say: Callable[[str], None]) -> Iterator[None]:
    """Tell that torch trains, and why."""
    try:
        yield
    except NoKernels as error:
        say(_("torch trains, which is slower than the kernels for CPUs: {error}", error=error))


@cache
def _loaded(path: Path) -> "Machine":
    return load(path)


def _make(path: Path) -> None:
    """Compile and try the kernels in a process of its own, and keep them if they are right.

    What LLVM has taken of memory goes with it; and so does a processor's refusal of them.
    """
    command = [sys.executable, "-P", "-m", "rnnsearch.model.kernels.making"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryDirectory(prefix="rnnsearch-kernels-") as folder:
        made = Path(folder) / "kernels.o"
        done = subprocess.run(
            [*command, str(made)], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
            raise NoKernels(f"they could not be made here ({last[:200]})")
        code = made.read_bytes()
    head = hashlib.sha256(code).hexdigest().encode() + b"\n"
    replace_file(path, lambda file: file.write(head + code))


def _read(path: Path) -> bytes | None:
    """The code in a file; None where it is not there or not whole."""
    try:
        head, _, code = read_file(path).partition(b"\n")
    except OSError:
        return None
    return code if hashlib.sha256(code).hexdigest().encode() == head else None


def _made_of(machine: Host) -> str:
    from llvmlite import __version__, binding

    parts = [__version__, binding.get_process_triple(), machine.cpu, machine.features]
    written_by = sorted((Path(__file__).parent / "codegen").glob("*.py"))
    parts += [module.read_text(encoding="utf-8") for module in written_by]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
