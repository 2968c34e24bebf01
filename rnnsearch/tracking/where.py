"""Which MLflow is meant where a study names none, and the page of a study in it."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from rnnsearch.tracking import view
from rnnsearch.tracking.server import TRAINING, connect, shown_uri, sqlite_url

VARIABLE = "MLFLOW_TRACKING_URI"
SERVERS_AND_DATABASES = re.compile(r"(https?|sqlite|(postgres|mysql|mssql)\w*)(\+\w+)?://")
NO_FOLDER = re.compile(r"/|[A-Za-z]:")


def uri_from_environment() -> str | None:
    """MLflow's own variable, where it names a server or a database; a relative file is meant from
    this folder."""
    uri = os.environ.get(VARIABLE, "").strip()
    if not SERVERS_AND_DATABASES.match(uri):
        return None
    scheme, _, file = uri.partition(":///")
    if scheme == "sqlite" and file and not NO_FOLDER.match(file):
        return f"{sqlite_url(Path.cwd())}/{file.removeprefix('./')}"
    return uri


def variable_unused(used: str) -> str | None:
    """What to tell of MLflow's own variable where trials go to another place; None where they go
    there, or it is not set."""
    given = os.environ.get(VARIABLE, "").strip()
    if not given or given == used or uri_from_environment() == used:
        return None
    shown, place = shown_uri(given)[:200], shown_uri(used)
    if uri_from_environment() is None:
        return (
            f"{VARIABLE} is {shown!r}, which is no server and no database, so trials go to "
            f"{place}; --tracking names it all the same"
        )
    return (
        f"{VARIABLE} is {shown!r}, but --tracking, RNNSEARCH_TRACKING or [run] tracking comes "
        f"first: trials go to {place}"
    )


def experiment_page(uri: str, experiment: str) -> str | None:
    """Address of an experiment's runs on an MLflow server, the largest skill first.

    None where the URI is no server, or it does not answer, or does not know the experiment.
    """
    if not uri.startswith(("http://", "https://")):
        return None
    try:
        found = connect(uri).get_experiment_by_name(experiment)
    except Exception:  # whatever MLflow raises; why it is away was told where trials were logged
        return None
    return None if found is None else runs_page(uri, str(found.experiment_id))


def runs_page(uri: str, experiment: str) -> str:
    """The same by the experiment's id; a name and password in the URI are left out.

    Columns and order are those of `view`, which the experiment has as a tag.
    """
    parts = urlsplit(uri)
    place = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/")
    shown = f"{TRAINING}&viewStateShareKey={view.KEY}"
    return f"{parts.scheme}://{place}{path}/#/experiments/{experiment}/runs?{shown}"
