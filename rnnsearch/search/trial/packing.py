"""Numbers as text in the store: forecasts of a trial, marks of the rows that an opening showed."""

import base64
import zlib

import numpy as np
from numpy.typing import NDArray


def pack(values: NDArray[np.float64]) -> str:
    """Float32 numbers as text: little-endian, deflated, base64."""
    return base64.b64encode(zlib.compress(values.astype("<f4").tobytes(), 9)).decode("ascii")


def unpack(text: str) -> NDArray[np.float64]:
    """The numbers `pack` was given, to float32 precision."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), "<f4").astype(np.float64)


LEDGER = "rnnsearch_openings"
"""The table of openings, see `openings`."""


def pack_marks(marks: NDArray[np.uint64]) -> str:
    """Marks as text: little-endian, base64."""
    return base64.b64encode(marks.astype("<u8").tobytes()).decode("ascii")


def unpack_marks(text: str) -> NDArray[np.uint64]:
    """What `pack_marks` was given. Raises ValueError for a text that it cannot have made."""
    return np.frombuffer(base64.b64decode(text, validate=True), "<u8").astype(np.uint64)
