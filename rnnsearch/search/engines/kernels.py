"""The kernels of a search, made before its workers start."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from rnnsearch.config import kernels_folder
from rnnsearch.config.sections import RunSection
from rnnsearch.model.kernels.cache import NoKernels, ensure, telling
from rnnsearch.search.engines.machine import surely


def begin(run: RunSection) -> None:
    """Begin to compile, should a study need it; `prepare` waits for that, and tells how it went."""
    if run.kernels == "torch" or surely(run.device) != "cpu":
        return

    def compile_() -> None:
        with contextlib.suppress(NoKernels):
            ensure(kernels_folder(), lambda _: None)

    threading.Thread(target=compile_, daemon=True).start()


def prepare(run: RunSection, device: str, say: Callable[[str], None]) -> Path | None:
    """The folder that workers on `device` load kernels from; None where torch trains.

    `say` is told of compiling, and why torch trains where kernels were possible.
    """
    if run.kernels == "torch" or device != "cpu":
        return None
    folder = kernels_folder()
    with telling(say):
        ensure(folder, say)
        return folder
    return None
