"""Whether this runs in a notebook, what is not said there, and how it is stopped."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rnnsearch.language import marked

STOP_BUTTON = marked(
    "The stop button is Ctrl-C: pressed once, the running trials are finished and nothing is lost; "
    "pressed again, it stops at once. search() goes on from there."
)


class Stopped(KeyboardInterrupt):
    """A search was stopped, and the study is in order. No further cell is run, as after any
    KeyboardInterrupt, but a notebook shows this sentence in place of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def in_notebook() -> bool:
    """Whether a Jupyter kernel (Jupyter, Colab, VS Code) runs this, and not a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


@contextmanager
def quietly() -> Iterator[None]:
    """As the commands do, keep Python's warnings about the insides of packages from a notebook."""
    if sys.warnoptions or not in_notebook():
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
