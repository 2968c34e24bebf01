"""The kernels of a search, made before its workers start."""

from collections.abc import Callable
from pathlib import Path

from rnnsearch.config import kernels_folder
from rnnsearch.config.sections import RunSection
from rnnsearch.model.kernels.cache import ensure, telling


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
