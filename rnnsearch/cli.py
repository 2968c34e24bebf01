"""The commands. Each reads its study file, calls one thing and shows what it returns."""

import json
import os
import sys
import traceback
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnsearch.errors import RnnsearchError, StudyFileError

if TYPE_CHECKING:
    from rnnsearch.config import StudyFile

app = typer.Typer(
    name="rnnsearch",
    help="Search hyperparameters, inputs and date shifts of recurrent price forecasters.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _studies(incomplete: str) -> list[str]:
    """Names in studies/ and study files that begin like this, for the shell."""
    names = [path.stem for path in Path("studies").glob("*.toml")]
    given = Path(incomplete)
    folder = given if incomplete.endswith("/") else given.parent
    files = [str(path) for path in folder.glob("*.toml") if path.name != "pyproject.toml"]
    return sorted(name for name in (*names, *files) if name.startswith(incomplete))


StudyPath = Annotated[
    Path,
    typer.Argument(
        metavar="STUDY", help="Study file, or its name in studies/.", autocompletion=_studies
    ),
]
Storage = Annotated[str | None, typer.Option(help="Optuna storage URL.", show_default=False)]
Tracking = Annotated[str | None, typer.Option(help="MLflow tracking URI.", show_default=False)]
Device = Annotated[
    str | None, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.", show_default=False)
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def main() -> None:
    """Run a command; every error is one message on stderr and an exit code."""
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        result = app(standalone_mode=False)
    except RnnsearchError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:  # `rnnsearch status STUDY | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", 130)
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if code is not None and hasattr(error, "format_message"):  # a wrong flag
            return _fail(error.format_message(), 2)
        return _fail(_unforeseen(error), 1)
    return int(result or 0)


def _fail(message: str, code: int) -> int:
    for line in message.splitlines():
        print(f"rnnsearch: {line}", file=sys.stderr)
    return code


def _unforeseen(error: Exception) -> str:
    """Keep the traceback for us and show the user one line."""
    from rnnsearch.config import home

    log = home() / "error.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(traceback.format_exc() + "\n")
    except OSError:
        return f"an error that should not be: {type(error).__name__}: {error}"
    return f"an error that should not be: {type(error).__name__}: {error}; details are in {log}"


def _load(path: Path, **overrides: Any) -> "StudyFile":
    from rnnsearch.config import find_study, load_study

    return load_study(find_study(path), **overrides)


@app.command()
def fetch(
    ticker: Annotated[
        str, typer.Argument(metavar="TICKER", help="As Yahoo Finance writes it: 2330.TW, AAPL.")
    ],
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="First day wanted: 2010-01-31.")
    ],
    last: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DATE",
            help="Last day wanted; left out: yesterday.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="CSV file; left out: TICKER.csv.", show_default=False)
    ] = None,
    force: Force = False,
) -> int:
    """Get daily prices from Yahoo Finance into a CSV file."""
    from rnnsearch.data.yahoo import fetch
    from rnnsearch.hints import after_fetch
    from rnnsearch.terminal import note

    begin, end = _day("--from", first), _day("--to", last) if last else None
    prices = fetch(ticker, begin, end, output, force=force)
    for text in prices.notes:
        note(text)
    print(f"{prices.path}: {prices.rows} rows, {prices.first} to {prices.last}\n")
    print(after_fetch(prices.path))
    return 0


def _day(flag: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise StudyFileError(f"{flag}: a day is written like 2010-01-31, got {text!r}") from None


@app.command()
def init(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Prices (.csv, .parquet).")],
    output: Annotated[
        Path | None,
        typer.Option(
            help="Study file; left out: in studies/, else beside the data.", show_default=False
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="What to forecast; left out: the close.", show_default=False
        ),
    ] = None,
    force: Force = False,
) -> int:
    """Look at a price file and write a commented study file for it."""
    from rnnsearch.hints import after_init
    from rnnsearch.results.draft import init
    from rnnsearch.terminal import print_facts

    draft = init(data, output, target=target, force=force)
    print_facts(draft.facts, draft.warnings)
    print(f"\nwritten: {draft.path}. Change in it what you like, then:\n")
    print(after_init(draft.path))
    return 0


@app.command()
def search(
    study: StudyPath,
    trials: Annotated[
        str | None,
        typer.Option(help="Finished trials to have (100), or to add (+50).", show_default=False),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Training processes.", show_default=False)
    ] = None,
    device: Device = None,
    engine: Annotated[
        str | None, typer.Option(help="local, or ray: a cluster.", show_default=False)
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be started where.")
    ] = False,
    storage: Storage = None,
    tracking: Tracking = None,
    fork: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Begin a new study with the trials of this one that still apply.",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the result.")] = False,
) -> int:
    """Search a study, or go on where it stopped, until its trials are finished."""
    from rich.console import Console

    from rnnsearch.config import find_study
    from rnnsearch.hints import after_search, to_go_on
    from rnnsearch.search.study import Interrupted, check_result, search
    from rnnsearch.terminal import SearchView, best_table, output

    settings = _load(
        study,
        run__workers=workers,
        run__max_workers=workers,  # the same to Ray
        run__device=device,
        run__engine=engine,
        run__storage=storage,
        run__tracking=tracking,
        study__name=fork,
    )
    fork_of = None
    if fork is not None and (fork_of := _load(study).name) == fork:
        raise StudyFileError(f"--fork: {study} is study {fork!r} already; give another name")
    if dry_run:
        return _dry_run(settings)
    console = Console(highlight=False)
    with SearchView(console, quiet=quiet) as view:
        try:
            store = search(settings, view, trials=trials, fork_of=fork_of)
        except Interrupted as interrupted:
            first = _rename(study, fork)
            view.notice(f"stopped; {first}`{to_go_on(find_study(study))}` goes on from here")
            return interrupted.exit_code
    check_result(store)
    out = output()
    out.print(best_table(store.trials()))
    out.print(
        "skill = 1 - RMSE / naive RMSE on the validation rows: above 0 is better than doing "
        "nothing there, where the best of many trials always looks better than it is.\n",
        highlight=False,
        markup=False,
    )
    if fork is not None:
        out.print(_rename(study, fork), highlight=False, markup=False, soft_wrap=True)
    out.print(after_search(find_study(study)), highlight=False, markup=False, soft_wrap=True)
    return 0


def _rename(study: Path, fork: str | None) -> str:
    """What the commands on a forked study need first."""
    return "" if fork is None else f'write name = "{fork}" under [study] in {study}; then '


def _dry_run(settings: "StudyFile") -> int:
    from rnnsearch.results.placement import placement
    from rnnsearch.terminal import frame_table, output

    plan = placement(settings)
    out = output()
    out.print("\n".join(plan.facts), highlight=False, markup=False)
    if plan.nodes is not None:
        out.print(frame_table("Nodes", plan.nodes))
    return 0


@app.command()
def status(
    study: StudyPath, as_json: AsJson = False, storage: Storage = None, tracking: Tracking = None
) -> int:
    """Show how far a study is, and its best trials."""
    from rnnsearch.results.summary import status
    from rnnsearch.search.store import Store
    from rnnsearch.terminal import best_table, drivers_table, findings, output, status_text

    settings = _load(study, run__storage=storage, run__tracking=tracking)
    store = Store(settings, create=False)
    facts = status(settings, store)
    if as_json:
        print(json.dumps(facts))
        return 0
    out = output()
    out.print(status_text(facts), highlight=False, markup=False)
    if facts["workers"]:
        out.print(drivers_table(facts["workers"]))
    if facts["complete"]:
        out.print(best_table(store.trials()))
        for part in findings(facts):
            out.print(part, highlight=False, markup=False)
    return 0


@app.command()
def sync(study: StudyPath, storage: Storage = None, tracking: Tracking = None) -> int:
    """Make MLflow say what the study's store says: each trial once, with its final state."""
    from rnnsearch.search.study import sync

    done = sync(_load(study, run__storage=storage, run__tracking=tracking))
    print(
        f"MLflow: {done['written']} trials written, {done['kept']} already there, "
        f"{done['deleted']} surplus runs deleted"
    )
    return 0


@app.command()
def evaluate(
    study: StudyPath,
    top: Annotated[int, typer.Option(min=1, help="Best trials that may become champion.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="Networks per candidate.")] = 3,
    again: Annotated[bool, typer.Option("--again", help="Open the test once more.")] = False,
    as_json: AsJson = False,
    device: Device = None,
    storage: Storage = None,
    tracking: Tracking = None,
) -> int:
    """Open the locked test once: the champion against doing nothing and other baselines."""
    from rnnsearch.results.evaluation import champion_folder, evaluate
    from rnnsearch.results.registry import publish
    from rnnsearch.results.report import publish_report
    from rnnsearch.terminal import evaluation_tables, note, output

    settings = _load(study, run__device=device, run__storage=storage, run__tracking=tracking)
    answer = evaluate(settings, top=top, seeds=seeds, again=again, say=note)
    model = publish(settings, answer, champion_folder(settings), notice=note)
    if model:
        publish_report(settings, notice=note)
    if as_json:
        print(json.dumps(answer))
        return 0
    out = output()
    for part in evaluation_tables(answer):
        out.print(part, highlight=False, markup=False)
    if model:
        out.print(f"champion in MLflow: {model}", highlight=False, markup=False)
    return 0


@app.command()
def report(study: StudyPath, storage: Storage = None, tracking: Tracking = None) -> int:
    """Write one page with the answer: it needs no network, reads on a telephone, and prints."""
    from rnnsearch.results.report import publish_report, report
    from rnnsearch.terminal import note

    settings = _load(study, run__storage=storage, run__tracking=tracking)
    path = report(settings)
    print(path)
    publish_report(settings, notice=note)
    return 0


@app.command()
def predict(
    study: StudyPath,
    data: Annotated[
        Path | None, typer.Option(help="Newer prices (.csv, .parquet).", show_default=False)
    ] = None,
    origins: Annotated[
        int | None,
        typer.Option(min=1, help="Forecast from so many last sessions.", show_default=False),
    ] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.99, help="Of the interval.")] = 0.9,
    as_json: AsJson = False,
    storage: Storage = None,
) -> int:
    """Print the champion's next forecasts, each with its date."""
    from rnnsearch.results.prediction import predict
    from rnnsearch.terminal import note, output, prediction_table

    answer = predict(_load(study, run__storage=storage), data=data, origins=origins, level=level)
    for text in answer["notes"]:
        note(text)
    if as_json:
        print(json.dumps(answer))
    else:
        output().print(prediction_table(answer))
        output().print(answer["verdict"], highlight=False, markup=False)
    return 0


@app.command()
def check(
    study: StudyPath,
    canary: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Run a command that builds columns ('python build.py {input} {output}') on parts "
            "of the prices, to see that none looks ahead.",
            show_default=False,
        ),
    ] = None,
    device: Device = None,
) -> int:
    """Report on the data, the space and the rows of every fold, and train one tiny trial."""
    from rnnsearch.results.canary import check_columns
    from rnnsearch.results.check import check
    from rnnsearch.terminal import frame_table, output, print_facts

    settings = _load(study, run__device=device)
    out = output()
    if canary is not None:
        out.print(check_columns(settings, canary), highlight=False, markup=False)
        return 0
    report = check(settings)
    print_facts(report.facts, report.warnings)
    out.print(frame_table("Space", report.space), frame_table("Target rows", report.rows))
    return 0


@app.command()
def inputs(
    study: StudyPath,
    export: Annotated[
        Path | None,
        typer.Option(help="Write the table to FILE (.csv, .parquet).", show_default=False),
    ] = None,
) -> int:
    """List the candidate inputs with family, unit and warm-up, or export their values."""
    from rnnsearch.data.inputs import export_inputs, input_listing
    from rnnsearch.search.problem import Problem
    from rnnsearch.terminal import frame_table, output

    problem = Problem.load(_load(study))
    if export is not None:
        export_inputs(problem.table, problem.prices.dates, export)
        print(f"{export}: {len(problem.prices.dates)} rows, {len(problem.table.names)} inputs")
        return 0
    listing = input_listing(problem.table, problem.prices.dates)
    output().print(frame_table("Inputs", listing.drop(columns=["first_date", "recursive"])))
    return 0


@app.command()
def schema() -> int:
    """Print the JSON schema of a study file, for editors."""
    from rnnsearch.config import StudyFile

    print(json.dumps(StudyFile.model_json_schema(), indent=2))
    return 0


@app.command()
def dashboard(
    tracking: Tracking = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5000,
) -> int:
    """Open MLflow's pages on this machine."""
    from rnnsearch.tracking import serve_dashboard

    return serve_dashboard(tracking or os.environ.get("RNNSEARCH_TRACKING"), host, port)
