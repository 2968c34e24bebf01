"""Results as plain JSON, which knows neither NaN nor infinity: both become null."""

import math
from typing import Any

import numpy as np
import pandas as pd

from rnnsearch.shown import day


def as_json(value: Any) -> Any:
    """Dicts, lists, text, numbers and None, whatever they were made of; dates as text."""
    match value:
        case dict():
            return {str(key): as_json(item) for key, item in value.items()}
        case list() | tuple():
            return [as_json(item) for item in value]
        case np.ndarray() | np.generic():
            return as_json(value.tolist())
        case pd.Timestamp():
            return day(value)
        case float() if not math.isfinite(value):
            return None
    return None if value is pd.NaT else value
