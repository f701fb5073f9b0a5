"""Validation errors as sentences a user can act on: one per mistake, each starting with the value's address."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from reprlib import Repr
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

_LONGEST = 120


def sentences(error: ValidationError, model: type[BaseModel], prefix: str = "") -> list[str]:
    """A validation error as one sentence per mistake, each starting with the address of the value."""
    return [_sentence(detail, model, prefix) for detail in error.errors(include_url=False, include_context=True)]


def _sentence(detail: Any, model: type[BaseModel], prefix: str) -> str:
    address = ".".join(filter(None, (prefix, *(str(part) for part in detail["loc"]))))
    if detail["type"] == "missing":
        return f"{address}: is required"
    if detail["type"] == "extra_forbidden":
        return f"{address}: is not known here{near(str(detail['loc'][-1]), _fields(model, detail['loc']))}"
    message = (
        detail["msg"]
        .removeprefix("Value error, ")
        .replace("Input should be", "must be")
        .replace("must be a valid", "must be a")
    )
    message = message.replace("a integer", "an integer").replace("a dictionary or instance of Settings", "a mapping")
    return f"{address or 'content'}: {message[0].lower()}{message[1:]} (received {shortened(detail['input'])})"


def _fields(model: type[BaseModel], location: tuple[Any, ...]) -> Iterable[str]:
    """Field names of the model that holds the value at `location`."""
    for part in location[:-1]:
        if part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return model.model_fields


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)


def shortened(value: Any) -> str:
    """A value as the user wrote it, cut where it is long or deep."""
    text = _Short().repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


class _Short(Repr):
    """Looks at no more of a value than is shown: aliases in a YAML file can unfold to any size."""

    maxlevel, maxdict, maxlist, maxtuple = 4, 8, 8, 8
    maxstring = maxother = maxlong = _LONGEST

    def repr_dict(self, value: dict[Any, Any], level: int) -> str:
        """Keys stay in the order they were written."""
        if level <= 0:
            return "{…}"
        shown = [f"{self.repr1(key, level - 1)}: {self.repr1(value[key], level - 1)}" for key in islice(value, 8)]
        return "{" + ", ".join([*shown, *(["…"] if len(value) > len(shown) else [])]) + "}"


def near(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{found[0]}'?" if found else f"; known: {', '.join(known)}"
