"""The commands. Each reads its study file, calls one thing and shows what it returns.

data        before a search: prices fetched, looked at, checked
searching   a search and its records
verdict     what came out of it
journal     what came true of its forecasts
studies     the sample studies, and some studies compared
listing     the studies that were searched
ending      signals, and readers that have read enough

Nothing is imported here that takes time: `main` listens for Ctrl-C before anything is.
"""

import os
import re
import sys
import warnings
from typing import TYPE_CHECKING, Any

from rnnsearch.cli.ending import Interrupts, OutputClosed
from rnnsearch.errors import RnnsearchError, fit_to_show
from rnnsearch.language import _, use
from rnnsearch.shown import printable

if TYPE_CHECKING:
    from rnnsearch.cli.common import app as app

TYPER_INTERRUPTED = 130  # what it makes of a KeyboardInterrupt, of whichever signal
READER_GONE = 141  # 128 and SIGPIPE, which Windows does not name


def main() -> None:
    """Run a command; every error is one message on stderr and an exit code."""
    if not sys.warnoptions:  # Python's own are for those who ask for them: python -W default
        warnings.simplefilter("ignore")
    sys.argv[1:] = _language_first(sys.argv[1:])
    use(None, spoken="en" if "--json" in sys.argv else None)
    interrupts = Interrupts()
    interrupts.listen()
    try:
        code = _exit_code(interrupts)
        sys.stdout.flush()
    except (OutputClosed, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = READER_GONE
    except KeyboardInterrupt:
        code = _fail(_("interrupted"), interrupts.exit_code)
    interrupts.over(code)
    sys.exit(code)


def _language_first(arguments: list[str]) -> list[str]:
    """`--language zh-TW` may stand anywhere, as it is said of every command."""
    for place, one in enumerate(arguments):
        if one == "--":
            break
        if one == "--language" or one.startswith("--language="):
            after = place + (2 if one == "--language" else 1)
            return [*arguments[place:after], *arguments[:place], *arguments[after:]]
    return arguments


def _exit_code(interrupts: Interrupts | None = None) -> int:
    interrupts = interrupts or Interrupts()
    try:
        from rnnsearch.cli import data, searching, verdict, explaining, journal, studies, listing  # noqa: F401, I001  in the order of --help
        from rnnsearch.cli.common import Abort, app

        try:
            result = app(standalone_mode=False)
        except Abort:
            raise KeyboardInterrupt from None
        if interrupts.heard and result == TYPER_INTERRUPTED:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        return _fail(_("interrupted"), interrupts.exit_code)
    except Exception as error:
        if interrupts.heard:  # whatever it was made into on its way
            return _fail(_("interrupted"), interrupts.exit_code)
        if isinstance(error, RnnsearchError):
            return _fail(str(error), error.exit_code)
        code = getattr(error, "exit_code", None)
        if code is not None and hasattr(error, "format_message"):  # a wrong flag
            return _fail(error.format_message() + _usage(error), 2)
        if damage := _of_a_damaged_store(error):
            return _fail(str(damage), damage.exit_code)
        return _fail(_unforeseen(error), 1)
    return int(result or 0)


def _usage(error: Any) -> str:
    """How the command is typed that was typed wrongly."""
    context = getattr(error, "ctx", None)
    if context is None:
        return ""
    usage = re.sub(r"\{(\w+)\}", r"\1", " ".join(context.get_usage().split()))
    more = _("({command} --help tells more)", command=context.command_path)
    return f"\n{usage} {more}"


def _fail(message: str, code: int) -> int:
    for line in message.splitlines():
        print(f"rnnsearch: {printable(fit_to_show(line))}", file=sys.stderr)
    return code


def _of_a_damaged_store(error: Exception) -> RnnsearchError | None:
    if "rnnsearch.search.store.databases" not in sys.modules:
        return None
    from rnnsearch.search.store.databases import damage_of

    return damage_of(error)


def _unforeseen(error: Exception) -> str:
    """Keep the traceback for us and show the user one line."""
    import traceback

    from rnnsearch.config import home
    from rnnsearch.tracking import shown_uri

    log = home() / "error.log"
    named = f"{type(error).__name__}: {error}"
    told = _("an error that should not be: {error}", error=named)
    told = shown_uri(told)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(shown_uri(traceback.format_exc()) + "\n")
    except OSError:
        return told
    return _("{told}; details are in {file}", told=told, file=log)


def __getattr__(name: str) -> Any:
    if name == "app":
        from rnnsearch.cli import data, searching, verdict, explaining, journal, studies, listing  # noqa: F401, I001
        from rnnsearch.cli.common import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
