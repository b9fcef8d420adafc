"""Says what is wrong in a YAML file where it stands, in words for the person who wrote it."""

import difflib
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

Loc = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: where it stands, and what is wrong and what is allowed."""

    line: int
    column: int
    key: str
    text: str


def explain(model: type[BaseModel], root: yaml.Node, details: ErrorDetails) -> Iterator[Mistake]:
    """What one error of pydantic's about ``model`` says, for the person who wrote the file."""
    loc = details["loc"]
    match details["type"]:
        case "missing":
            yield at(root, loc[:-1], f"key missing: {loc[-1]}", key=dotted(loc))
        case "extra_forbidden":
            allowed = _keys(model, loc[:-1])
            hint = did_you_mean(str(loc[-1]), allowed)
            yield at(root, loc, f"unknown key{hint}; allowed: {', '.join(allowed)}", of_key=True)
        case "model_type" | "model_attributes_type":
            yield at(root, loc, f"should be a section; allowed: {', '.join(_keys(model, loc))}")
        case _:
            yield at(root, loc, _wrong(model, details))


def _wrong(model: type[BaseModel], details: ErrorDetails) -> str:
    value, context = details["input"], details.get("ctx", {})
    match details["type"]:
        case "int_type" | "int_from_float" | "int_parsing":
            return f"{value!r} is not a whole number; allowed: digits, without quotes"
        case "bool_type" | "bool_parsing":
            return f"{value!r} is not a yes or no; allowed: true, false"
        case "string_type":
            return f"{value!r} is not text; allowed: text (put it in quotes)"
        case "list_type":
            return "not a list; allowed: lines that begin with '- '"
        case "literal_error":
            return f"{value!r} is not known; allowed: {context['expected']}"
        case (
            "greater_than_equal"
            | "less_than_equal"
            | "too_short"
            | "too_long"
            | "string_too_short"
            | "string_too_long"
        ) if (bounds := _bounds(model, details["loc"])) is not None:
            size = (
                ""
                if isinstance(value, int)
                else " characters"
                if isinstance(value, str)
                else " entries"
            )
            shown = value if isinstance(value, int) else len(typing.cast(typing.Sized, value))
            return f"{shown}{size} is out of bounds; allowed: {bounds[0]} to {bounds[1]}{size}"
        case "string_pattern_mismatch":
            return "has a control character; allowed: printable text"
    return details["msg"]


def at(
    root: yaml.Node, loc: Loc, text: str, *, key: str | None = None, of_key: bool = False
) -> Mistake:
    """The mistake at the deepest node of ``loc`` that the file has."""
    node = root
    for step in loc:
        found = _child(node, step)
        if found is None:
            break
        key_node, node = found
        if of_key and step == loc[-1]:
            node = key_node
    mark = node.start_mark
    return Mistake(mark.line + 1, mark.column + 1, key or dotted(loc) or "file", text)


def _child(node: yaml.Node, step: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        # YAML lets the last of two equal keys win, and so must the place that we name.
        for key, value in reversed(node.value):
            if key.value == str(step):
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def twice(node: yaml.Node, loc: Loc, been: set[int]) -> Iterator[Mistake]:
    """Keys that stand twice in one section: YAML would drop the first without a word."""
    if id(node) in been:  # an alias, perhaps of a node around it
        return
    been.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                yield Mistake(
                    line,
                    key.start_mark.column + 1,
                    dotted((*loc, key.value)),
                    f"stands in line {seen[key.value]} already; allowed: once",
                )
            seen[key.value] = line
            yield from twice(value, (*loc, key.value), been)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from twice(value, (*loc, index), been)


def dotted(loc: Loc) -> str:
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def did_you_mean(word: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(word, allowed, n=1, cutoff=0.5)
    return f", did you mean '{near[0]}'?" if near else ""


def _section(root: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """The model that validates what stands at ``loc``."""
    model: Any = root
    for step in loc:
        if isinstance(step, int):
            continue
        if not _is_section(model) or step not in model.model_fields:
            return None
        model = model.model_fields[step].annotation
        if typing.get_origin(model) in (list, types.UnionType):
            model = typing.get_args(model)[0]
    return model if _is_section(model) else None


def _is_section(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel)


def _keys(model: type[BaseModel], loc: Loc) -> list[str]:
    section = _section(model, loc)
    return list(section.model_fields) if section else []


def _bounds(model: type[BaseModel], loc: Loc) -> tuple[int, int] | None:
    """The least and the most that the field at ``loc`` allows."""
    section = _section(model, loc[:-1])
    if section is None:
        return None
    low = high = None
    for rule in _rules(section.model_fields[str(loc[-1])]):
        low = getattr(rule, "ge", getattr(rule, "min_length", low))
        high = getattr(rule, "le", getattr(rule, "max_length", high))
    return None if low is None or high is None else (low, high)


def _rules(field: FieldInfo) -> Iterator[Any]:
    """Of the field, and of what it holds if it may be left out."""
    yield from field.metadata
    for held in typing.get_args(field.annotation):
        for info in getattr(held, "__metadata__", ()):
            yield from getattr(info, "metadata", ())
