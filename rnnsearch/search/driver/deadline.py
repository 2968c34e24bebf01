"""When a search asks for no more trials, though it has not all of them yet."""

import math
import time
from collections.abc import Callable

from rnnsearch.config.times import in_seconds


class Deadline:
    """A span of time from now on, or no end where there is none.

    text     the span, as the user wrote it
    stopped  whether a search has ended because of it
    """

    def __init__(self, text: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.text = text
        self.stopped = False
        self._clock = clock
        self._end = math.inf if text is None else clock() + in_seconds(text)

    def left(self) -> float:
        """Seconds, 0 where the time is up; infinite without an end."""
        return max(self._end - self._clock(), 0.0)

    def over(self) -> bool:
        return self.left() <= 0
