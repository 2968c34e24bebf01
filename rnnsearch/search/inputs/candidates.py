"""The inputs that trials choose from, and what the training rows say about every input.

Columns that are constant on the training rows, or repeat an earlier column there, are left out
whatever the mode of the search: they tell nothing, and split among several what one is worth.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rnnsearch.data.inputs.indicators import Family
from rnnsearch.data.inputs.table import InputTable
from rnnsearch.language import _, counted
from rnnsearch.search.inputs.ranking import InputEvidence, Ranking

TOLD = 8
"""Most inputs named in a note."""


@dataclass(frozen=True)
class Candidates:
    """What an input set is chosen from, beside the inputs that are always in.

    names     best first where they are ranked, else in the order of the table
    families  those with an input to choose, in the order of the table
    useless   inputs left out: None for a constant one, else the input that it repeats
    ranking   of all columns of the table; None where inputs are not ranked
    """

    table: InputTable
    names: tuple[str, ...]
    useless: Mapping[str, str | None] = field(default_factory=dict)
    ranking: Ranking | None = None

    @classmethod
    def ranked(cls, table: InputTable, ranking: Ranking) -> "Candidates":
        useless = {f.column: f.duplicate_of for f in ranking.findings if f.evidence is None}
        return cls._without(table, useless, ranking.order, ranking)

    @classmethod
    def unranked(cls, table: InputTable, useless: Mapping[int, int | None]) -> "Candidates":
        """`useless`: as `ranking.useless_columns` tells them."""
        return cls._without(table, useless, range(len(table.names)), None)

    @classmethod
    def _without(
        cls,
        table: InputTable,
        useless: Mapping[int, int | None],
        order: Sequence[int],
        ranking: Ranking | None,
    ) -> "Candidates":
        names = table.names
        chosen = (names[column] for column in order if column not in useless)
        named = {
            names[column]: None if other is None else names[other]
            for column, other in useless.items()
        }
        return cls(table, tuple(n for n in chosen if n not in table.always), named, ranking)

    @property
    def families(self) -> tuple[Family, ...]:
        names = set(self.names)
        return tuple(dict.fromkeys(s.family for s in self.table.specs if s.name in names))

    @property
    def found(self) -> tuple[InputEvidence, ...]:
        """The ranked inputs that tell more about the price than chance would, best first."""
        if self.ranking is None:
            return ()
        names = self.table.names
        first = self.ranking.findings[: self.ranking.found]
        return tuple(f for f in first if names[f.column] in self.names)

    def record(self) -> list[dict[str, Any]]:
        """Every input of the table, best first where they are ranked; plain JSON.

        Keys: input, family; of a ranked one also rank (from 1) and evidence, and of one that is
        found lags (first and last) and partner; of one left out constant (true) or repeats.
        """
        names, families = self.table.names, [spec.family for spec in self.table.specs]
        findings = self.ranking.findings if self.ranking else ()
        told: dict[int, dict[str, Any]] = {
            f.column: {"rank": rank, "evidence": f.evidence}
            | ({"lags": [*f.lags]} if f.lags else {})
            | ({} if f.partner is None else {"partner": names[f.partner]})
            for rank, f in enumerate(findings, start=1)
            if f.evidence is not None
        }
        for name, other in self.useless.items():
            fact = {"constant": True} if other is None else {"repeats": other}
            told[names.index(name)] = fact
        order = dict.fromkeys([*told, *range(len(names))]) if findings else range(len(names))
        return [
            {"input": names[column], "family": families[column], **told.get(column, {})}
            for column in order
        ]


def describe(inputs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What a ranking has found and what is left out, in a sentence each, from `record`."""
    ranked = [one for one in inputs if "rank" in one]
    if found := [one for one in ranked if "lags" in one]:
        told = _some([*map(_how_it_acts, found)], _("; "))
        yield _("ranking on training rows: {told}", told=told)
    elif ranked:
        yield counted(
            "ranking on training rows: none of {count} input tells more about the next moves than "
            "chance would",
            "ranking on training rows: none of {count} inputs tells more about the next moves than "
            "chance would",
            len(ranked),
        )
    if constant := [one["input"] for one in inputs if "constant" in one]:
        yield _("left out, constant on the training rows: {names}", names=_some(constant))
    if repeated := [
        _("{input} (of {other})", input=one["input"], other=one["repeats"])
        for one in inputs
        if "repeats" in one
    ]:
        yield _(
            "left out, repeating another input on the training rows: {names}",
            names=_some(repeated),
        )


def _how_it_acts(one: Mapping[str, Any]) -> str:
    lags = sorted(set(one["lags"]))
    partner = _(", together with {input}", input=one["partner"]) if "partner" in one else ""
    if lags == [0]:
        return _("{input} acts on its own date", input=one["input"]) + partner
    lag = _(" to ").join(map(str, lags))
    acts = counted(
        "{input} acts {lag} session later",
        "{input} acts {lag} sessions later",
        max(lags),
        input=one["input"],
        lag=lag,
    )
    return acts + partner


def _some(texts: Sequence[str], between: str | None = None) -> str:
    more = len(texts) - TOLD
    some = (_(", ") if between is None else between).join(texts[:TOLD])
    return some + (_(" and {count} more", count=more) if more > 0 else "")
