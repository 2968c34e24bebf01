"""Help in the user's language: commands and options say theirs in English, as code does.

`language.catalogue` finds these texts in this folder: `help=`, and the docstrings of commands.
"""

from typing import Any

from typer.core import TyperCommand, TyperGroup

from rnnsearch.cli.ending import OutputClosed
from rnnsearch.language import _, marked

TITLES = {
    "ARGUMENTS_PANEL_TITLE": marked("Arguments"),
    "OPTIONS_PANEL_TITLE": marked("Options"),
    "COMMANDS_PANEL_TITLE": marked("Commands"),
    "DEFAULT_STRING": marked("[default: {}]"),
    "REQUIRED_LONG_STRING": marked("[required]"),
}
"""What typer itself says around them, by the names that it has for it."""

OF_TYPER = (
    marked("Show this message and exit."),
    marked("Install completion for the current shell."),
    marked("Show completion for the current shell, to copy it or customize the installation."),
)
USAGE = marked("Usage:")


class _Helped:
    """A command whose help is told in the language in use. Typer makes commands anew for each call,
    so theirs may be changed."""

    def get_usage(self, ctx: Any) -> str:
        return str(super().get_usage(ctx)).replace(USAGE, _(USAGE), 1)  # type: ignore[misc]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _say(self, ctx)
        super().format_help(ctx, formatter)  # type: ignore[misc]


class Command(_Helped, TyperCommand):
    """One command."""


class Commands(_Helped, TyperGroup):
    """All of them."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # which typer would make an exit code of 1
            raise OutputClosed from None


def _say(command: Any, ctx: Any) -> None:
    from typer import rich_utils

    for name, text in TITLES.items():
        setattr(rich_utils, name, _(text))
    for one in (command, *command.get_params(ctx), *getattr(command, "commands", {}).values()):
        if one.help:
            one.help = _(one.help)
