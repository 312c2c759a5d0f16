"""JSON Schema, as far as docs/error.schema.json uses it."""

import json
from pathlib import Path
from typing import Any

ERROR = json.loads((Path(__file__).parents[2] / "docs" / "error.schema.json").read_text(encoding="utf-8"))
_TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "null": type(None)}
_WORDS = {"$schema", "title", "description"}


def check(value: Any, schema: dict[str, Any] = ERROR, place: str = "document") -> None:
    """Assert that `value` is as `schema` says."""
    for word, wanted in schema.items():
        if word == "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            assert isinstance(value, tuple(_TYPES[kind] for kind in kinds)), f"{place} is {value!r}, not {kinds}"
        elif word == "enum":
            assert value in wanted and not isinstance(value, bool), f"{place} is {value!r}, none of {wanted}"
        elif word == "minLength":
            assert not isinstance(value, str) or len(value) >= wanted, f"{place} is too short"
        elif word == "required":
            assert set(wanted) <= set(value), f"{place} lacks {set(wanted) - set(value)}"
        elif word == "additionalProperties":
            assert wanted is False and set(value) <= set(schema["properties"]), f"{place} has more: {set(value)}"
        elif word == "items":
            for position, item in enumerate(value):
                check(item, wanted, f"{place}[{position}]")
        elif word == "properties":
            for name, inner in wanted.items():
                if name in value:
                    check(value[name], inner, f"{place}.{name}")
        else:
            assert word in _WORDS, f"the schema uses {word}, which this does not know"
