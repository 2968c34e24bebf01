"""A walk of a small study, without a search, a store or an opening."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from rnnsearch.config import load_study
from rnnsearch.search.problem import Problem
from rnnsearch.verdict import comparison
from rnnsearch.verdict import walk as walks
from rnnsearch.verdict.comparison import Line
from tests.helpers.evaluated import fitted, quiet


def walk_through(
    path: Path,
    chosen: Collection[str] | None = None,
    *,
    say: Callable[[str], None] = quiet,
    **parameters: Any,
) -> tuple[Problem, Line, Line]:
    """Both ways through the locked rows of a study: fitted once, and refitted as it says.

    `chosen` are the names of the baselines; all without. RNNSEARCH_HOME keeps what is fitted.
    """
    problem = Problem.load(load_study(path))
    if chosen is not None:
        known = tuple(one for one in problem.baselines if one.name in chosen)
        vars(problem)["baselines"] = known
    candidate, champion = fitted(problem, **parameters)
    assert champion is not None
    once = comparison.one_fit(problem, candidate.parameters, champion, say)
    plan = walks.planned(problem)
    with walks.prepared(problem, plan, candidate, champion, seconds=0.1, say=say) as walk:
        assert walk is not None
        return problem, once, walk.line(once, say)


def with_walk(path: Path, **keys: Any) -> None:
    """Have a study file ask for a walk."""
    from tests.helpers.searches import toml

    text = path.read_text(encoding="utf-8").split("\n[evaluate]")[0]
    lines = [f"{key} = {toml(value)}" for key, value in keys.items()]
    path.write_text("\n".join([text, "[evaluate]", *lines, ""]), encoding="utf-8")
