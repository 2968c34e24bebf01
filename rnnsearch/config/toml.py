"""Values as a study file writes them."""

import json
from typing import Any

from pydantic import BaseModel


def to_toml(value: Any) -> str:
    """A word, number, list or `{ low = 1, high = 3 }`, in one line; keys without a value are left
    out."""
    match value:
        case BaseModel():
            return to_toml(value.model_dump(exclude_defaults=True))
        case dict():
            pairs = [f"{key} = {to_toml(item)}" for key, item in value.items() if item is not None]
            return "{ " + ", ".join(pairs) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(to_toml, value)) + "]"
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
