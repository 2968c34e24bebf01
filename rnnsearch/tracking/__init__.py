"""MLflow as a view of the store, which can be rebuilt.

server       the MLflow a URI names
experiment   one experiment per study, one parent run, one child per trial
where        which MLflow is meant, and a study's page there
view         what a link to it shows
tracker      a search's trials written from a thread of its own
syncing      all trials compared with the store
"""

from rnnsearch.tracking.experiment import (
    CHAMPION,
    PARENT,
    STATE,
    STATUS,
    STUDY,
    TRIAL,
    VERDICT,
    Experiment,
    Parent,
    RunRecord,
)
from rnnsearch.tracking.server import (
    default_uri,
    first_line,
    serve_dashboard,
    shown_uri,
    sqlite_url,
)
from rnnsearch.tracking.syncing import best_measures, sync
from rnnsearch.tracking.tracker import Tracker
from rnnsearch.tracking.where import (
    experiment_page,
    runs_page,
    uri_from_environment,
    variable_unused,
)

__all__ = [
    "CHAMPION",
    "PARENT",
    "STATE",
    "STATUS",
    "STUDY",
    "TRIAL",
    "VERDICT",
    "Experiment",
    "Parent",
    "RunRecord",
    "Tracker",
    "best_measures",
    "default_uri",
    "experiment_page",
    "first_line",
    "runs_page",
    "serve_dashboard",
    "shown_uri",
    "sqlite_url",
    "sync",
    "uri_from_environment",
    "variable_unused",
]
