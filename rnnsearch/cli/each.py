"""What commands that tell of one series tell of each of many."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnsearch.language import _

if TYPE_CHECKING:
    from rnnsearch.many.family import Family


def journal_many(family: "Family", *, data: Path | None, export: Path | None, as_json: bool) -> int:
    """What came true of the recorded forecasts of each series; one table of all with `export`."""
    from rnnsearch.errors import AbsentStudyError, RnnsearchError
    from rnnsearch.many.predicting import newer_file, newer_files
    from rnnsearch.publish.journal import publish_journal
    from rnnsearch.shown import printable
    from rnnsearch.terminal.hints import exported
    from rnnsearch.terminal.journal import journal_tables
    from rnnsearch.terminal.tables import note, output
    from rnnsearch.verdict.journal.exporting import export as write
    from rnnsearch.verdict.journal.reading import journal

    newer = None if data is None else newer_files(family, data)
    told: dict[str, dict[str, Any]] = {}
    failed: list[RnnsearchError] = []
    for member in family.members:
        name = member.series
        try:
            told[name] = journal(member.study, data=newer_file(newer, name))
        except AbsentStudyError:
            continue  # it was never searched, so nothing was recorded
        except RnnsearchError as error:
            failed.append(error)
            note(f"{name}: {error}")
            continue
        for text in told[name]["notes"]:
            note(f"{name}: {text}")
        publish_journal(member.study, told[name], notice=note)
    if failed and not told:
        return failed[0].exit_code
    rows = [{"series": name} | row for name, one in told.items() for row in one["forecasts"]]
    if export is not None:
        write(rows, export)
    if as_json:
        print(json.dumps({"study": family.name, "series": told}))
        return 0
    out = output()
    recorded = {name: one for name, one in told.items() if one["champions"]}
    for name, one in recorded.items():
        out.print(f"\n{name}", highlight=False, markup=False)
        for part in journal_tables(one):
            out.print(part, highlight=False, markup=False)
    if not recorded:
        print(
            _(
                "{study}: no forecast of its {count} series is recorded; `rnnsearch predict STUDY "
                "--record` records the next ones",
                study=family.name,
                count=len(family.members),
            )
        )
    if export is not None:
        print(printable(exported(export, len(rows))))
    return 0


def inputs_many(family: "Family", export: Path | None) -> int:
    """The inputs that the series have to choose from, and how many have each."""
    import pandas as pd

    from rnnsearch.data.inputs.build import input_listing
    from rnnsearch.errors import StudyFileError
    from rnnsearch.many.reading import read_all
    from rnnsearch.terminal.tables import frame_table, note, output

    if export is not None:
        raise StudyFileError(
            f"--export: the inputs of {len(family.members)} series do not make one table of dates; "
            f"name one, as --series {family.members[0].series}"
        )
    problems = read_all(family, note).problems.values()
    every = pd.concat([input_listing(one.table, one.prices.dates) for one in problems])
    listing = every.drop_duplicates("name").drop(columns=["first_date", "recursive"])
    listing["series"] = [int((every["name"] == name).sum()) for name in listing["name"]]
    output().print(frame_table(_("Inputs"), listing))
    return 0


def dry_run_many(family: "Family") -> int:
    """What a search of all would start, and where."""
    from dataclasses import replace

    from rnnsearch.prepare.placement import placement
    from rnnsearch.terminal.tables import frame_table, output

    first = family.members[0]
    plan = placement(first.study)
    one = _("study {study} in {storage}", study=first.study.name, storage="")
    every = _("studies {study}.* in {storage}", study=family.name, storage="")
    facts = [fact.replace(one, every, 1) for fact in plan.facts]
    count = len(family.members)
    plan = replace(plan, facts=[_("{count} series, each a study of its own", count=count), *facts])
    out = output()
    out.print("\n".join(plan.facts), highlight=False, markup=False)
    if plan.nodes is not None:
        out.print(frame_table(_("Nodes"), plan.nodes))
    return 0
