"""A driver that outlives the server its study is stored on.

Workers go on training while the server is restarted or the network to it is cut; what they say is
told when it is back. SQLite has no server: what fails there stays failed.
"""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from rnnsearch.search.store.databases import FAILURES, error_line
from rnnsearch.search.store.store import Store

OUTAGE_SECONDS = 600.0  # that the server may be away
LOOK_SECONDS = 1.0  # between looks for it
ATTEMPTS = 5  # of a step that fails though the server is there

P = ParamSpec("P")
T = TypeVar("T")


class Patience:
    """Does steps that talk to the store; each must be one that can be done again."""

    def __init__(
        self, store: Store, notice: Callable[[str], None], hurry: Callable[[], bool]
    ) -> None:
        """`hurry`: whether the user will not wait for the server any more."""
        self._store, self._notice, self._hurry = store, notice, hurry
        self._ended = not store.on_server

    def do(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a step returns, once it has gone through. Raises one of FAILURES, its last."""
        for _ in range(ATTEMPTS - 1):
            try:
                return step(*args, **kwargs)
            except FAILURES as error:
                if self._ended or not self._is_back(error):
                    self._ended = True
                    raise
        return step(*args, **kwargs)

    def _is_back(self, error: Exception) -> bool:
        """Wait for the server to answer; False where that takes too long, for us or the user."""
        gone = time.monotonic()
        told = False
        while not self._store.answers():
            if not told:
                told = True
                self._notice(
                    f"the study storage does not answer ({error_line(error)}); "
                    "trials go on, and what they find is told when it is back"
                )
            if self._hurry() or time.monotonic() - gone > OUTAGE_SECONDS:
                return False
            time.sleep(LOOK_SECONDS)
        if told:
            self._notice("the study storage answers again")
        return True
