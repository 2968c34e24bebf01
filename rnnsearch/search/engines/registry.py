"""The engine that a study file names, and its workers."""

from typing import TYPE_CHECKING

from rnnsearch import plugins
from rnnsearch.config import engines
from rnnsearch.errors import StudyFileError
from rnnsearch.search.engines.base import Engine
from rnnsearch.search.engines.machine import Notice
from rnnsearch.search.trial.protocol import Workers

if TYPE_CHECKING:
    from rnnsearch.search.problem import Problem


def by_name(name: str) -> Engine:
    """The engine of a name that a study file may have. What it needs may be absent: see `require`.

    Raises StudyFileError for one of another package that cannot be used.
    """
    point = engines.place(name)
    if point is None:
        raise StudyFileError(f"[run] engine: no installed package brings {name!r}; install it")
    engine = plugins.loaded(point, Engine)  # type: ignore[type-abstract]
    if isinstance(engine, Engine):
        if engine.name == name:
            return engine
        engine = f"{point.value} is called {engine.name!r}, and its entry point {name!r}"
    raise StudyFileError(
        f'[run] engine: {engine}; mend or remove that package, or use the engine "local"'
    )


def start(
    problem: "Problem", notice: Notice, *, here: bool = False, most: int | None = None
) -> Workers:
    """Workers of the study's engine, or of what it has in its place `here`; at most `most`.

    Raises StudyFileError for an engine that is not installed, or cannot place a worker.
    """
    engine = by_name(problem.study.run.engine)
    if here:
        engine = engine.here()
    engine.require()
    return engine.start(problem, notice, most)
