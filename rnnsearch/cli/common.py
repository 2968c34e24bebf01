"""The application, and what several commands take: studies, stores, devices."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Abort as Abort

from rnnsearch.cli.helping import Command as Command
from rnnsearch.cli.helping import Commands
from rnnsearch.errors import shown
from rnnsearch.language import LANGUAGES, known, use

if TYPE_CHECKING:
    from rnnsearch.config import StudyFile
    from rnnsearch.many.family import Family


app = typer.Typer(
    name="rnnsearch",
    cls=Commands,
    help="Search hyperparameters, inputs and date shifts of recurrent price forecasters.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from rnnsearch.version import __version__

        print(f"rnnsearch {__version__}")
        raise typer.Exit


def _language(name: str | None) -> str | None:
    """At once, as --help beside it is told in that language."""
    if name is None:
        return None
    if known(name) is None:
        raise typer.BadParameter(f"should be {' or '.join(LANGUAGES)}, got {shown(name)}")
    use(known(name), spoken="en" if "--json" in sys.argv else None)
    return name


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say which version."),
    ] = False,
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            metavar="NAME",
            callback=_language,
            is_eager=True,
            help="Of what is told: en or zh-TW; RNNSEARCH_LANGUAGE says it for good.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Search hyperparameters, inputs and date shifts of recurrent price forecasters."""


def known_studies(incomplete: str) -> list[str]:
    """Names in studies/, of samples, and study files that begin like this, for the shell."""
    samples = Path(__file__).parents[1] / "samples"
    names = {path.stem for folder in (Path("studies"), samples) for path in folder.glob("*.toml")}
    given = Path(incomplete)
    folder = given if incomplete.endswith("/") else given.parent
    files = [str(path) for path in folder.glob("*.toml") if path.name != "pyproject.toml"]
    return sorted(name for name in {*names, *files} if name.startswith(incomplete))


StudyPath = Annotated[
    Path,
    typer.Argument(
        metavar="STUDY",
        help="Study file, or its name (in studies/, here, or of a sample).",
        autocompletion=known_studies,
    ),
]
Storage = Annotated[str | None, typer.Option(help="Optuna storage URL.", show_default=False)]
Tracking = Annotated[str | None, typer.Option(help="MLflow tracking URI.", show_default=False)]
Device = Annotated[
    str | None, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.", show_default=False)
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

SomeSeries = Annotated[
    str | None,
    typer.Option(
        "--series",
        metavar="NAMES",
        help="Of a study of many series, these alone: 2330,2454.",
        show_default=False,
    ),
]
OneSeries = Annotated[
    str | None,
    typer.Option(
        "--series",
        metavar="NAME",
        help="Of a study of many series, the one that is meant.",
        show_default=False,
    ),
]


def load(path: Path, **overrides: Any) -> "StudyFile":
    from rnnsearch.config import find_study, load_study

    return load_study(find_study(path), **overrides)


def load_one(path: Path, series: str | None, **overrides: Any) -> "StudyFile":
    """A study of one series, or that of the one that is named of many."""
    return the_one(load(path, **overrides), series)


def the_one(study: "StudyFile", series: str | None) -> "StudyFile":
    from rnnsearch.many.family import one_of, series_names

    return one_of(study, series_names(series))


def load_many(path: Path, series: str | None, **overrides: Any) -> "StudyFile | Family":
    """A study of one series, or all of many, or those of them that are named."""
    return chosen(load(path, **overrides), series)


def chosen(study: "StudyFile", series: str | None) -> "StudyFile | Family":
    from rnnsearch.many.family import family_of, one_of, series_names

    names = series_names(series)
    family = family_of(study)
    return one_of(study, names) if family is None else family.only(names)


def one_or_many(path: Path, series: str | None, **overrides: Any) -> "StudyFile | Family":
    """The same, but the study itself of one series that is named alone."""
    return alone(load_many(path, series, **overrides))


def alone(meant: "StudyFile | Family") -> "StudyFile | Family":
    from rnnsearch.config import StudyFile

    if isinstance(meant, StudyFile) or len(meant.members) > 1:
        return meant
    return meant.members[0].study
