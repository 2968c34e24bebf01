"""What to type next, the way the user came: through make, or with the command itself."""

import os
import shlex
from pathlib import Path

from rnnsearch.config import find_study, sample_studies
from rnnsearch.language import _, counted


def after_fetch(data: Path) -> str:
    file = shlex.quote(str(data))
    return _listed((f"make init DATA={file}", f"rnnsearch init {file}", _("a study file for it")))


def after_init(study: Path) -> str:
    name = _name(study)
    return _listed(
        (
            f"make check-study STUDY={name}",
            f"rnnsearch check {name}",
            _("rows, space, time it takes"),
        ),
        (f"make search STUDY={name}", f"rnnsearch search {name}", _("train and log every trial")),
        (f"make status STUDY={name}", f"rnnsearch status {name}", _("meanwhile, how far it is")),
    )


def after_search(study: Path, left: int = 0, *, tested: bool = True) -> str:
    """`left`: trials that the study shall have and has not yet; `tested`: it has locked rows."""
    name = _name(study)
    chosen = "" if name == "quickstart" else f" STUDY={name}"
    more = (
        f"make resume{chosen} TRIALS=+50",
        f"rnnsearch search {name} --trials +50",
        _("50 more trials"),
    )
    if left > 0:
        others = counted("the other {count} trial", "the other {count} trials", left)
        more = (f"make resume{chosen}", f"rnnsearch search {name}", others)
    answer = (
        f"make evaluate{chosen}",
        f"rnnsearch evaluate {name}",
        _("better than doing nothing?"),
    )
    return _listed(
        answer if tested else _refit(chosen, name),
        more,
        (f"make report{chosen}", f"rnnsearch report {name}", _("one page with all of it")),
        ("make dashboard", "rnnsearch dashboard", _("every trial in MLflow")),
    )


def after_evaluate(study: Path) -> str:
    name = _name(study)
    chosen = "" if name == "quickstart" else f" STUDY={name}"
    return _listed(
        (f"make report{chosen}", f"rnnsearch report {name}", _("one page with all of it")),
        (f"make refit{chosen}", f"rnnsearch refit {name}", _("the champion, trained on all rows")),
        (f"make predict{chosen}", f"rnnsearch predict {name}", _("then: its next forecast")),
    )


def after_explain(study: Path) -> str:
    name = _name(study)
    chosen = "" if name == "quickstart" else f" STUDY={name}"
    return _listed((f"make report{chosen}", f"rnnsearch report {name}", _("the pictures of it")))


def without_test(study: Path) -> str:
    """Where no rows are locked."""
    name = _name(study)
    chosen = f" STUDY={name}"
    return _listed(
        _refit(chosen, name),
        (f"make predict{chosen}", f"rnnsearch predict {name}", _("then: its next forecast")),
    )


def _refit(chosen: str, name: str) -> tuple[str, str, str]:
    return (
        f"make refit{chosen}",
        f"rnnsearch refit {name}",
        _("the best trial, trained on all rows"),
    )


def exported(file: Path, forecasts: int) -> str:
    """What was written beside what is shown."""
    return counted(
        "{file}: {count:,} forecast", "{file}: {count:,} forecasts", forecasts, file=file
    )


def to_go_on(study: Path, timeout: str | None = None) -> str:
    """`timeout`: one that was given beside the study file, and is given again."""
    name = _name(study)
    make, command = f"make resume STUDY={name}", f"rnnsearch search {name}"
    if timeout is not None:
        quoted = shlex.quote(timeout)
        make, command = f"{make} TIMEOUT={quoted}", f"{command} --timeout {quoted}"
    return _typed(make, command)


def _name(study: Path) -> str:
    """A study as one types it: by its name where it is in studies/, or a sample."""
    in_studies = study.parent == Path("studies") and find_study(study.stem) == study
    sample = sample_studies().get(study.stem) == study
    return study.stem if in_studies or sample else shlex.quote(str(study))


def _typed(target: str, command: str) -> str:
    return target if "MAKELEVEL" in os.environ else command


def _listed(*steps: tuple[str, str, str]) -> str:
    """A line per step: what to type (a make target or the command), and why."""
    typed = [_typed(target, command) for target, command, _ in steps]
    width = max(map(len, typed))
    return "\n".join(
        f"{text:<{width}}   {why}" for text, (*_, why) in zip(typed, steps, strict=True)
    )
