"""What is wrong with a study file, in the words of the file: place, rule, value, and a hint."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from rnnsearch.config.dimensions import Section, drawn
from rnnsearch.errors import shown, uri_without_password, without_passwords

_UNION_ARM = re.compile(r"value|choices|range|[\w-]+\[.*\]|constrained-\w+")
LONGEST_RULE = 1_000  # characters; a rule may name many keys

RULES = {
    "int_": "a whole number",
    "float_": "a number",
    "finite_number": "a finite number",
    "bool_": "true or false",
    "string_type": "text in quotes",
    "string_sub_type": "text in quotes",
    "path_type": "a file name in quotes",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table such as {{ a = 1 }}",
    "model_type": "a table such as {{ low = 1, high = 3 }}",
    "model_attributes_type": "a table",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "of another form",
    "union_tag_invalid": "a value or a list of choices",
}
"""The rule by the (first part of the) validator's word for the fault."""

FORMS = {
    "device": '"auto", "cpu", "mps", "cuda" or "cuda:1"',
    "ray_address": '"auto", "ray://HOST:10001" or "HOST:6379"',
}

OTHER_NAMES = {
    "clip": "grad_clip gradient_clip max_grad_norm",
    "trials": "n_trials num_trials max_trials runs",
    "timeout": "time_limit max_time max_seconds time_budget duration",
    "seed": "random_seed random_state",
    "path": "file filename csv data source",
    "target": "label y",
    "predict": "forecast output kind",
    "columns": "features",
    "known_ahead": "future futures future_covariates known_future future_known known_covariates "
    "known_in_advance futr_exog_list time_varying_known_reals events",
    "indicators": "indicator features",
    "lengths": "length periods period windows",
    "module": "functions function script code own custom",
    "workers": "jobs n_jobs processes n_workers num_workers",
    "folds": "n_folds splits n_splits cv",
    "validation": "val valid validation_size val_size",
    "test": "test_size holdout",
    "low": "min minimum from start lower",
    "high": "max maximum to stop end upper",
}
"""What other programs call our keys; a parameter of the space says it itself."""
ADDRESSES = (("storage",), ("tracking",))


def explain(path: Path | str, error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """One line per place of the file: file, key, rule, value."""
    places: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for fault in error.errors(include_url=False):
        where = tuple(str(part) for part in fault["loc"] if not _UNION_ARM.fullmatch(str(part)))
        places.setdefault(where, []).append(dict(fault))
    hinted = set()
    for where, faults in places.items():
        if faults[0]["type"] == "extra_forbidden":
            hinted.add((*where[:-1], _other_key(where, model)[0]))
    for where, faults in places.items():
        deeper = any(len(one) > len(where) and one[: len(where)] == where for one in places)
        if deeper or (where in hinted and faults[0]["type"] == "missing"):
            continue
        hide = uri_without_password if where[-1:] in ADDRESSES else without_passwords
        rule = hide(_rule(where, faults, model))
        if len(rule) > LONGEST_RULE:
            rule = rule[:LONGEST_RULE] + "..."
        yield ": ".join(filter(None, (str(path), _dotted(where), rule)))


def _rule(where: tuple[str, ...], faults: list[dict[str, Any]], model: type[BaseModel]) -> str:
    first = faults[0]
    if first["type"] == "extra_forbidden":
        return f"unknown key; {_other_key(where, model)[1]}"
    if first["type"] == "missing":
        return "is missing; write it"
    if (own := next((f for f in faults if f["type"] == "value_error"), None)) is not None:
        return str(own["msg"]).removeprefix("Value error, ")
    rules = dict.fromkeys(_expected(where, fault, model) for fault in faults)
    value = first["input"]
    return f"should be {' or '.join(rules)}, got {shown(value)}{_near(value, faults)}"


def _expected(where: tuple[str, ...], fault: dict[str, Any], model: type[BaseModel]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "string_pattern_mismatch" and where[-1] in FORMS:
        return FORMS[where[-1]]
    if kind.startswith("int_parsing_size"):
        return "a smaller whole number"
    if len(where) == 1:
        return f"a table that begins with [{where[0]}]"
    for start, rule in RULES.items():
        if kind.startswith(start):
            example = _example(where, model) if rule == "a list" else ""
            return rule.format(**context) + example
    return str(fault["msg"]).removeprefix("Input should be ")


def _example(where: tuple[str, ...], model: type[BaseModel]) -> str:
    """A list as the key takes it: its default, else texts where it holds texts."""
    node = _node(model, where)
    usual = node.get("default")
    if isinstance(usual, list | tuple) and usual:
        return f" such as {json.dumps([*usual])}"
    options = [node, *node.get("anyOf", [])]
    holds = [found for one in options if (found := one.get("items"))]
    if any("$ref" in one for one in holds):
        return f" of tables, each begun by [[{'.'.join(where)}]]"
    texts = [one for one in holds if one.get("type") == "string"]
    return ' such as ["a", "b"]' if texts else ""


def _near(value: Any, faults: list[dict[str, Any]]) -> str:
    """The word that was meant: `LSTM`, `adamw`."""
    if not isinstance(value, str) or len(value) > 100:
        return ""
    text = " ".join(fault.get("ctx", {}).get("expected", "") for fault in faults)
    words = re.findall(r"'([^']*)'", text)
    plain = {re.sub(r"[\W_]", "", word).lower(): word for word in words}
    wanted = re.sub(r"[\W_]", "", value).lower()
    near = difflib.get_close_matches(wanted, plain, n=1, cutoff=0.6)
    return f'; did you mean "{plain[near[0]]}"?' if near else ""


def _other_key(where: tuple[str, ...], model: type[BaseModel]) -> tuple[str, str]:
    """The key that was meant (or nothing), and the hint."""
    known, wrong = keys_at(model, where[:-1]), where[-1]
    plain = wrong.lower().replace("-", "_")
    by_other = [ours for ours, names in _other_names(model).items() if plain in names.split()]
    meant = [key for key in (plain, *by_other) if key in known]
    if meant:
        return meant[0], f"did you mean {meant[0]}?"
    if near := difflib.get_close_matches(plain[:100], known, n=1, cutoff=0.7):
        return near[0], f"did you mean {near[0]}?"
    for section in model.model_fields:
        if len(where) > 1 and section != where[0]:
            there = keys_at(model, (section,))
            if found := next((key for key in (plain, *by_other) if key in there), None):
                return "", f"{found} belongs under [{section}]"
    if near := difflib.get_close_matches(plain[:100], known, n=1, cutoff=0.5):
        return near[0], f"did you mean {near[0]}?"
    return "", f"known keys: {', '.join(known)}"


def _other_names(model: type[BaseModel]) -> dict[str, str]:
    sections = [field.annotation for field in model.model_fields.values()]
    tables = [one for one in sections if isinstance(one, type) and issubclass(one, Section)]
    return {n: mark.also for table in tables for n, mark in drawn(table).items()} | OTHER_NAMES


def _dotted(where: tuple[str, ...]) -> str:
    """Section and key; nothing for a rule on several sections, which names them itself."""
    parts = [part if len(part) <= 60 else part[:57] + "..." for part in where]
    if parts[:2] == ["data", "join"] and len(parts) > 2:
        return f"[[data.join]] number {int(parts[2]) + 1}: {'.'.join(parts[3:])}".rstrip(": ")
    return f"[{parts[0]}] {'.'.join(parts[1:])}".rstrip() if parts else ""


def keys_at(model: type[BaseModel], where: Iterable[str]) -> list[str]:
    """The keys known under a place in the file."""
    return list(_node(model, where).get("properties", {}))


def _node(model: type[BaseModel], where: Iterable[str]) -> dict[str, Any]:
    """What the schema says of a place in the file."""
    node: Any = model.model_json_schema()
    definitions = node["$defs"]
    for key in where:
        node = node.get("properties", {}).get(key) or node.get("items", {})
        options = [node, *node.get("oneOf", []), *node.get("anyOf", []), *node.get("allOf", [])]
        refs = [option["$ref"] for option in options if "$ref" in option]
        node = definitions[refs[0].rpartition("/")[2]] if refs else node
    return dict(node)
