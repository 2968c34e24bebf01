"""The same as the commands in Python, for notebooks and scripts. No logic.

- `study`: `Study`, what the commands do
- `told`: answers that show themselves, in a terminal and in a notebook
- `live`: a search as a notebook shows it
- `notebook`: whether this is one, and how it is stopped
- `inline`: the page and its figures in a notebook

    study = Study("quickstart")
    study.search(trials=20)
    study.trials()

The errors are those of `rnnsearch.errors`; a notebook shows their message alone.
"""

from rnnsearch.api.notebook import Stopped as Stopped
from rnnsearch.api.notebook import quietly

with quietly():  # what packages say of a notebook while they are imported
    from rnnsearch.api.study import Study as Study
