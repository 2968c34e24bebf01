"""The study file key by key, as Markdown: written by the schema, so that it cannot be out of date.

`python -m rnnsearch.config.keys FILE` renews the part of FILE between the two markers, in the
language that its folder is named by (`docs/zh-TW/study-file.md`), else in English.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rnnsearch.config import Section, StudyFile
from rnnsearch.config.toml import to_toml
from rnnsearch.language import _, in_language, known, listed, marked

BEGIN = "<!-- generated: the reference -->"
END = "<!-- end of the generated part -->"

_PLAIN = {"integer": marked("whole number"), "number": marked("number")}


def study_reference() -> str:
    """A heading and a table per section of the study file: key, values, default, meaning.

    In the language in use.
    """
    return "\n\n".join(
        _section(heading, model) for heading, model in _sections(StudyFile.model_fields)
    )


def renewed(text: str) -> str:
    """A document with the reference between its markers as it is now.

    Raises ValueError where the document does not have each marker once, in order.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in head + tail:
        raise ValueError(f"the document needs the line {BEGIN} and, after it, {END}, each once")
    return f"{head}{BEGIN}\n\n{study_reference()}\n\n{END}{tail}"


def translated_schema() -> dict[str, Any]:
    """The JSON schema of a study file, its descriptions in the language in use."""
    schema: dict[str, Any] = _told(StudyFile.model_json_schema())
    return schema


def _told(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: _(value) if key == "description" and isinstance(value, str) else _told(value)
            for key, value in node.items()
        }
    return [_told(one) for one in node] if isinstance(node, list) else node


def _sections(
    fields: dict[str, FieldInfo], within: str = ""
) -> Iterator[tuple[str, type[BaseModel]]]:
    """Heading and model of each table of the file, a table's own tables after it."""
    for name, field in fields.items():
        key = f"{within}{name}"
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Section):
                heading = f"[{key}]" if kind is field.annotation else f"[[{key}]]"
                yield heading, kind
                yield from _sections(kind.model_fields, f"{key}.")


def _section(heading: str, model: type[BaseModel]) -> str:
    schema = model.model_json_schema()
    lines = [f"### {heading}", "", _(schema["description"]), ""]
    lines += [_("| key | values | default | meaning |"), "|---|---|---|---|"]
    own = [key for key in model.model_fields if key in inspect.get_annotations(model)]
    for key in dict.fromkeys([*own, *model.model_fields]):  # what is inherited comes last
        field = model.model_fields[key]
        cells = (
            f"`{key}`",
            _values(schema["properties"][key]),
            _default(field),
            _(field.description) if field.description else "",
        )
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def _values(schema: dict[str, Any]) -> str:
    """What a key takes, in words; from its JSON schema."""
    if "oneOf" in schema:  # a parameter of the space: value, choices and perhaps a range
        options = schema["oneOf"]
        ranged = any("$ref" in o for o in options)
        ways = _("fixed, list or range") if ranged else _("fixed or list")
        value = next(o for o in options if o.get("type") not in ("array", None))
        return _("{values}; {ways}", values=_values({**value, **_limits(schema)}), ways=ways)
    options = [o for o in schema.get("anyOf", ()) if o.get("type") != "null"]
    if schema.get("type") == "boolean":
        return _one_of(("true", "false"))
    if options:
        return _(" or ").join(map(_values, options))
    if "const" in schema or "enum" in schema:
        words = schema.get("enum", [schema.get("const")])
        return _one_of(map(to_toml, words))
    if "$ref" in schema:
        return _("table")
    if schema["type"] == "object":
        return _("table of names")
    if schema["type"] == "array":
        return _(_LISTS["tables" if "$ref" in schema["items"] else schema["items"]["type"]])
    if schema["type"] == "string":
        return _("file") if schema.get("format") == "path" else _("text")
    return _(_PLAIN[schema["type"]]) + _limits_in_words(schema)


def _one_of(words: Iterable[str]) -> str:
    """`a`, `b`, `c`; a line may end after each."""
    return "`" + _("`, `").join(words) + "`"


_LISTS = {
    "tables": marked("list of tables"),
    "string": marked("list of names"),
    "integer": marked("list of whole numbers"),
    "number": marked("list of numbers"),
}


_LIMITS = {
    "minimum": "≥ {:,.10g}",
    "exclusiveMinimum": "> {:,.10g}",
    "maximum": "≤ {:,.10g}",
    "exclusiveMaximum": "< {:,.10g}",
}


def _limits(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in _LIMITS if key in schema}


def _limits_in_words(schema: dict[str, Any]) -> str:
    """`≥ 0, < 1`; a limit that only says what the computer can hold is left out."""
    limits = [
        words.format(schema[key])
        for key, words in _LIMITS.items()
        if key in schema and abs(schema[key]) < 2**31
    ]
    return " " + listed(limits) if limits else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return _("required")
    default = field.get_default(call_default_factory=True)
    return "" if default in (None, "", (), {}) else f"`{to_toml(default)}`"


def language_of(file: Path) -> str:
    """That which its folder is named by."""
    return known(file.resolve().parent.name) or "en"


def _renew(files: list[str]) -> Iterator[str]:
    for file in map(Path, files):
        old = file.read_text(encoding="utf-8")
        with in_language(language_of(file)):
            new = renewed(old)
        file.write_text(new, encoding="utf-8")
        yield f"{file}: {'renewed' if new != old else 'current'}"


if __name__ == "__main__":
    print("\n".join(_renew(sys.argv[1:])))
