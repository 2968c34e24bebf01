"""Where a search would train, told before anything is started."""

from dataclasses import replace

from rnnsearch.config import StudyFile
from rnnsearch.language import _
from rnnsearch.search import engines
from rnnsearch.search.engines import Placement
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.databases import storage_url
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.tracking import shown_uri


def placement(study: StudyFile) -> Placement:
    """What `search` would start where, and where it would write.

    Raises StudyFileError for what can never be placed, and DataError as `search` would.
    """
    problem = Problem.load(study)
    engine = engines.by_name(study.run.engine)
    engine.require()
    stores = [
        _("study {study} in {storage}", study=study.name, storage=shown_uri(storage_url(study))),
        f"MLflow: {shown_uri(tracking_uri(study))}",
    ]
    plan = engine.placement(problem)
    return replace(plan, facts=[*stores, *plan.facts])
