"""Forecasts in a few kilobytes of text, for a trial's record in the store."""

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
