"""How a command is ended from outside: Ctrl-C, SIGTERM, a reader that has read enough.

It imports next to nothing, so that a command can listen from its first moment on.
"""

import atexit
import os
import signal
import sys
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOOK_SECONDS = 0.02  # between looks whether an import is over
INSISTS = 3  # signals of somebody who will not wait for anything
IMPORT = "<frozen importlib"  # the files of Python's own import, as frames name them


class OutputClosed(BaseException):
    """Whoever reads the output has read enough: `rnnsearch status STUDY | head`. No error."""


class Interrupts:
    """Makes a signal a KeyboardInterrupt, in a moment that bears one.

    Packages that are being imported do not: they make another error of it, or go on half made. So
    an import is let come to its end (seconds); nor is one lost in a finalizer, where Python drops
    it and prints a traceback.
    """

    def __init__(self) -> None:
        self.heard: list[int] = []
        self._code: int | None = None  # of a command that is over
        self._told = sys.unraisablehook

    @property
    def exit_code(self) -> int:
        """What a command ends with that was interrupted: 130 or 143."""
        return 128 + (self.heard or [signal.SIGINT])[0]

    def listen(self) -> None:
        """Until the process ends; what is searched has handlers of its own meanwhile."""
        try:
            for number in SIGNALS:
                signal.signal(number, self._hear)
        except ValueError:  # not the main thread: whoever started it has the signals
            return
        sys.unraisablehook = self._unraisable
        # Python takes its handlers away before torch has cleared up, for a second.
        atexit.register(_ignore)

    def over(self, code: int) -> None:
        """The command has its exit code: nothing is left to be put in order."""
        self._code = code

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._code is not None:
            os._exit(self._code)
        self.heard.append(number)
        if len(self.heard) >= INSISTS:
            os._exit(self.exit_code)
        self._raise(frame)

    def _raise(self, frame: FrameType | None) -> None:
        if self._code is not None:
            return
        if not (_importing(frame) and self._later()):
            raise KeyboardInterrupt

    def _later(self) -> bool:
        """Raise it a moment from now; False where there is no such timer."""
        if sys.platform != "win32":
            signal.signal(signal.SIGALRM, lambda _, frame: self._raise(frame))
            signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS)
            return True
        return False

    def _unraisable(self, dropped: Any) -> None:
        if not isinstance(dropped.exc_value, KeyboardInterrupt):
            self._told(dropped)
        elif self._code is None:
            self._later()


def _ignore() -> None:
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, 0)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORT):
            return True
        frame = frame.f_back
    return False
