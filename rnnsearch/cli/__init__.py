"""The commands. Each reads its study file, calls one thing and shows what it returns.

data        before a search: prices fetched, looked at, checked
searching   a search and its records
verdict     what came out of it
"""

import os
import signal
import sys
import traceback

import typer

from rnnsearch.cli import data, searching, verdict  # noqa: F401  in the order of --help
from rnnsearch.cli.common import OutputClosed
from rnnsearch.cli.common import app as app
from rnnsearch.errors import RnnsearchError


def main() -> None:
    """Run a command; every error is one message on stderr and an exit code."""
    try:
        code = _exit_code()
        sys.stdout.flush()
    except (OutputClosed, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    sys.exit(code)


def _exit_code() -> int:
    try:
        result = app(standalone_mode=False)
    except RnnsearchError as error:
        return _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", 130)
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if code is not None and hasattr(error, "format_message"):  # a wrong flag
            return _fail(error.format_message(), 2)
        return _fail(_unforeseen(error), 1)
    return int(result or 0)


def _fail(message: str, code: int) -> int:
    for line in message.splitlines():
        print(f"rnnsearch: {line}", file=sys.stderr)
    return code


def _unforeseen(error: Exception) -> str:
    """Keep the traceback for us and show the user one line."""
    from rnnsearch.config import home
    from rnnsearch.tracking import shown_uri

    log = home() / "error.log"
    told = shown_uri(f"an error that should not be: {type(error).__name__}: {error}")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(shown_uri(traceback.format_exc()) + "\n")
    except OSError:
        return told
    return f"{told}; details are in {log}"
