"""The device that a process trains on, and how torch is set up there."""

import ctypes
import gc
import os
import sys

import torch

from rnnsearch.errors import StudyFileError
from rnnsearch.version import __version__


def choose_device(wish: str) -> torch.device:
    """The device called `auto`, `cpu`, `cuda`, `cuda:1` or `mps`; auto is CUDA, else MPS, else CPU.

    Raises StudyFileError if there is no such device on this machine.
    """
    present = _present()
    if wish == "auto":
        return torch.device(present[0])
    if wish not in present:
        raise StudyFileError(
            f"[run] device: {wish!r} is not on this machine, which has {', '.join(present)}; "
            'use one of these or "auto"'
        )
    return torch.device(wish)


def prepare_process(device: torch.device) -> None:
    """Set torch up for a process that trains on `device`; call once, before its first tensor.

    One thread, as there is one process per core or several per GPU. That alone makes a CPU repeat
    exactly. Memory that is freed is kept for the next step. On a GPU: full float32 products (no
    TF32), operations that repeat exactly wherever torch has them, and a warning where it has none.
    (Asking for these costs every process 1.3 seconds, so a CPU is spared it.)
    """
    torch.set_num_threads(1)
    _keep_freed_memory()
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Filling fresh memory with NaN is a debugging aid that costs time.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _keep_freed_memory() -> None:
    """Keep glibc from giving a step's memory back to the kernel, only to ask for it again.

    Left alone, it may do so in every step: 1,400 page faults in one of an LSTM of 128 neurons,
    which took 11 ms with them and 7 without. Larger blocks than 32 MB are still given back.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        m_trim_threshold, m_mmap_threshold = -1, -3  # as malloc.h numbers them
        libc.mallopt(m_trim_threshold, 256 << 20)
        libc.mallopt(m_mmap_threshold, 32 << 20)


def _present() -> list[str]:
    """The devices of this machine, best first."""
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = ["cuda", *(f"cuda:{card}" for card in range(cards))] if cards else []
    return [*names, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def worker_device(wish: str, slot: int, workers_per_device: int) -> torch.device:
    """The device of one of several workers, set up for training: they spread over the GPUs.

    Every worker of a GPU may take its share of the GPU's memory and no more.
    """
    device = choose_device(wish)
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", slot // workers_per_device % torch.cuda.device_count())
    prepare_process(device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.cuda.set_per_process_memory_fraction(0.95 / workers_per_device, device)
    return device


def free_memory(device: torch.device) -> None:
    """Give back what a training that ran out of memory has left behind."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def describe(device: torch.device, precision: str) -> dict[str, str]:
    """What results depend on beside parameters and data: device, precision, versions."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    # A plain string: who unpickles torch's own kind of it has to import torch.
    versions = {"rnnsearch": __version__, "torch": str(torch.__version__)}
    return {"device": name, "precision": precision, **versions}
