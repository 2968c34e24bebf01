"""rnnsearch: search hyperparameters, inputs and date shifts of recurrent price forecasters.

`Study` (see `api`) is what the commands do, for notebooks and scripts.
"""

from typing import TYPE_CHECKING, Any

from rnnsearch.version import __version__ as __version__

if TYPE_CHECKING:
    from rnnsearch.api import Study as Study


def __getattr__(name: str) -> Any:
    if name == "Study":  # optuna and pandas, seconds: for those alone who use it
        from rnnsearch.api import Study

        return Study
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
