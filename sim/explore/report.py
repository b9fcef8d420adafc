"""An exploration for a person, and for a program."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from typing import Any

from controller.commands import Command, NewCode
from controller.events import Event
from sim.explore.graph import Arrow
from sim.explore.mind import CODE, NEXT_ID, NOW_MS
from sim.explore.search import Found
from sim.trace import Booted

HEADING = f"{'rules':38}{'states':>9}{'transitions':>13}{'depth':>7}"


def row(name: str, found: Found) -> str:
    """One search in a line."""
    return f"{name:38}{found.states:>9,}{found.transitions:>13,}{found.depth:>7}"


def summary(searches: Mapping[str, Found]) -> Iterator[str]:
    """What all of them together say."""
    found = list(searches.values())
    states, transitions = _sum(found, "states"), _sum(found, "transitions")
    yield f"{'together':38}{states:>9,}{transitions:>13,}{max(one.depth for one in found):>7}"
    refused = f"{_sum(found, 'refused'):,} of the transitions"
    yield f"{refused} are events that nobody can mean: refused, and nothing has changed"
    counts = [f"{some} of {most} {what}" for what, (some, most) in _reached(found).items()]
    yield "reached: " + ", ".join(counts)
    unfollowed = _sum(found, "unfollowed")
    if found[-1].wrong:
        yield f"not followed any further: {found[-1].wrong.partition(':')[0]} does not hold"
    elif unfollowed:
        yield f"cut by --depth: {unfollowed:,} states not followed; S1 to S5 and S7 hold so far"
    else:
        yield "fixpoint: there is no other state; S1 to S5 and S7 hold in every step"


def violation(found: Found) -> Iterator[str]:
    """A shortest way to what is wrong, a step a line."""
    yield f"a shortest way there, in {len(found.path)} steps:"
    for number, step in enumerate(steps(found.path), start=1):
        asks = f"  asks: {', '.join(step['commands'])}" if step["commands"] else ""
        moment = f"{number:>4}  {step['at_ms']:>3} ms  {step['what']:<64} {step['state']:<14}"
        yield f"{moment}{asks}".rstrip()


def complaint(found: Found) -> str:
    """What is wrong, with the dispenses counted as in :func:`steps`."""
    newer = sum(arrow.news.newer for arrow in found.path[:-1]) - (NEXT_ID - 1)
    return re.sub(
        r"(?<=dispense )(\{?)(\d+)", lambda told: f"{told[1]}{int(told[2]) + newer}", found.wrong
    )


def _sum(found: Iterable[Found], what: str) -> int:
    return sum(getattr(one, what) for one in found)


def _reached(found: Sequence[Found]) -> dict[str, tuple[int, int]]:
    reached = found[0].reached
    for one in found[1:]:
        reached |= one.reached
    return reached.counts()


def as_json(searches: Mapping[str, Found]) -> dict[str, Any]:
    """The same as data."""
    found = list(searches.values())
    wrong = {name: one for name, one in searches.items() if one.wrong}
    return {
        "states": _sum(found, "states"),
        "transitions": _sum(found, "transitions"),
        "refused": _sum(found, "refused"),
        "fixpoint": not wrong and not _sum(found, "unfollowed"),
        "reached": _reached(found),
        "rules": [
            {
                "name": name,
                "states": one.states,
                "transitions": one.transitions,
                "refused": one.refused,
                "depth": one.depth,
                "unfollowed": one.unfollowed,
            }
            for name, one in searches.items()
        ],
        "violations": [
            {"rules": name, "wrong": complaint(one), "path": list(steps(one.path))}
            for name, one in wrong.items()
        ],
    }


def steps(path: Sequence[Arrow]) -> Iterator[dict[str, Any]]:
    """Each step of ``path``, with times, codes and dispenses counted from its beginning."""
    now_ms, codes, dispenses = 0, 0, NEXT_ID - 1
    for arrow in path:
        now_ms += arrow.passed_ms
        if any(isinstance(seen, Booted) for seen in arrow.news.seen):
            codes = CODE
        count = {
            "code": -codes,
            "dispense_id": -dispenses,
            "retry_of": -dispenses,
            "served_ms": now_ms - NOW_MS,
        }
        event = [] if arrow.event is None else [_said(arrow.event, count)]
        mind = arrow.place[0]
        yield {
            "at_ms": now_ms,
            "what": "; ".join((*event, *arrow.words)),
            "state": "-" if mind is None else mind.state.value,
            "commands": [_said(command, count) for command in arrow.commands],
        }
        dispenses -= arrow.news.newer
        codes -= sum(isinstance(command, NewCode) for command in arrow.commands)


def _said(what: Event | Command, count: Mapping[str, int]) -> str:
    """Without what says nothing."""
    values = [(field.name, getattr(what, field.name)) for field in fields(what)]
    told = [_field(name, value, count) for name, value in values if value not in ("", (), False)]
    return f"{type(what).__name__}({', '.join(told)})"


def _field(name: str, value: Any, count: Mapping[str, int]) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    return f"{name}={value + count[name] if name in count else value}"
