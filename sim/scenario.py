"""A scenario: what people do to a machine and what they should see, written down as YAML.

Each step has one key. Doing takes no time; ``wait`` and ``wait_for`` let virtual time pass.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from controller.config import Section
from controller.errors import ConfigError
from controller.mistakes import Mistake, at, did_you_mean
from controller.yaml_file import read
from sim import faults
from sim.deeds import LASTING
from sim.plan import CAPACITY, Setting, dialects

FOLDER = Path(__file__).with_name("scenarios")
"""Those that come with quench."""

EVERYTHING = "everything"
"""What ``mend`` says for all that is broken."""

_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|min|h)")
_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
_LONGEST_MS = 7 * 24 * _MS["h"]


def _span_ms(text: object) -> object:
    said = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if said is None:
        raise PydanticCustomError(
            "span", "{text} is not a span of time; allowed: such as 250 ms, 2.5 s, 3 min or 1 h",
            {"text": repr(text)},
        )  # fmt: skip
    span_ms = round(float(said[1]) * _MS[said[2]])
    if not 1 <= span_ms <= _LONGEST_MS:
        raise PydanticCustomError(
            "span", "{text} is out of bounds; allowed: 1 ms to 168 h", {"text": repr(text)}
        )
    return span_ms


def _fault(name: str) -> str:
    if name in (*LASTING, EVERYTHING):
        return name
    try:
        faults.switch(name)
    except faults.UnknownFault as error:
        known = [*LASTING, *(fault.value for fault in faults.Fault)]
        raise PydanticCustomError(
            "fault",
            "{error}{hint}",
            {
                "error": f"{error}, {', '.join(LASTING)}",
                "hint": did_you_mean(name, known),
            },
        ) from error
    return name


def _dialect(name: str) -> str:
    known = dialects(with_pins=True)
    if name not in known:
        raise PydanticCustomError(
            "dialect",
            "nobody speaks {name}{hint}; allowed: {known}",
            {
                "name": repr(name),
                "hint": did_you_mean(name, known),
                "known": ", ".join(known),
            },
        )
    return name


Span = Annotated[int, BeforeValidator(_span_ms)]
Visitor = Annotated[int, Field(ge=1, le=1_000)]
Drinks = Annotated[int, Field(ge=0, le=CAPACITY)]
FaultName = Annotated[str, AfterValidator(_fault)]
Slot = Literal["water", "tea"]


class MachineSection(Section):
    """Which machine it is played on: two slots of twelve, ``water`` and ``tea``, both full."""

    driver: Annotated[str, AfterValidator(_dialect)] = "lcus"
    drop_sensor: Literal["none", "cts", "dsr"] = "none"
    on_unknown: Literal["continue", "stop"] = "continue"
    on_no_drop: Literal["fail", "try_another_slot"] = "fail"

    def setting(self) -> Setting:
        return Setting(
            self.driver,
            self.drop_sensor,
            self.on_no_drop == "try_another_slot",
            self.on_unknown == "stop",
        )


class PairSection(Section):
    """Two visitors."""

    visitor: Visitor = 1
    other: Visitor = 2


class LoadSection(Section):
    slot: Slot
    drinks: Drinks = CAPACITY


class StockSection(Section):
    """Drinks that are left, by slot."""

    water: Drinks | None = None
    tea: Drinks | None = None


StateName = Literal["idle", "scanned", "warned", "dispensing", "out_of_service", "down"]
"""``down``: no controller runs."""
PageName = Literal[
    "form", "coming", "enjoy", "failed", "unknown", "used", "stale", "out_of_service"
]
ReasonName = Literal[
    "stopped",
    "starting",
    "relay_lost",
    "journal_lost",
    "sensor_lost",
    "unknown_outcome",
    "sold_out",
    "no_slot_to_trust",
]
OutcomeName = Literal["open", "commanded", "relay_confirmed", "dropped", "failed", "unknown"]


class ExpectSection(Section):
    """What must be so. What is left out may be anything."""

    state: StateName | None = None
    reason: ReasonName | None = None
    """Why it is out of service."""
    page: PageName | None = None
    """What the page that ``visitor`` got last says beneath the warning."""
    visitor: Visitor = 1
    stock: StockSection | None = None
    outcome: OutcomeName | None = None
    """How the journal says that the latest dispense ended."""
    fallen: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """How many drinks have fallen into the flap since the beginning."""
    energised: list[Annotated[int, Field(ge=1, le=64)]] | None = None
    """The channels whose relays are closed now."""
    frame: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """On the wire since the last step that did something, or ``wait``: its bytes in hex, or words
    of its meaning."""
    no_frame: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The same, and it must not have been there."""


class WaitForSection(ExpectSection):
    """Wait until it is so, and no longer than ``within``."""

    within: Span


class Step(Section):
    """One of these."""

    scan: Visitor | None = None
    preview: Visitor | None = None
    look: Visitor | None = None
    show: Visitor | None = None
    tap: Visitor | None = None
    forward: PairSection | None = None
    race: PairSection | None = None
    forge: Visitor | None = None
    load: LoadSection | None = None
    reconcile: Literal["dispensed", "remaining", "failed"] | None = None
    fault: FaultName | None = None
    mend: FaultName | None = None
    power: Literal["cut", "cut_at_on", "back"] | None = None
    controller: Literal["stop", "kill", "start"] | None = None
    stall: Span | None = None
    wait: Span | None = None
    wait_for: WaitForSection | None = None
    expect: ExpectSection | None = None

    @property
    def verb(self) -> str:
        """The key that it has."""
        (verb,) = self.model_fields_set
        return verb


class Scenario(Section):
    """A file of them has these keys."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    teaches: Annotated[str, Field(min_length=1, max_length=1_000)]
    """The one thing that it shows."""
    seed: Annotated[int, Field(ge=0, le=2**31)] = 1
    """Of the codes, and of what a power cut loses."""
    machine: MachineSection = MachineSection()
    steps: Annotated[list[Step], Field(min_length=1, max_length=1_000)]


class Script:
    """A scenario, and where its steps stand."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError with every mistake in ``path``."""
        places: list[yaml.Node] = []

        def clashes(root: yaml.Node, data: Any) -> Iterator[Mistake]:
            places.extend(_steps(root))
            yield from _not_one_key(root, data)

        self.path = path
        self.scenario = read(path, Scenario, clashes, "'quench sim run --list' names some to copy")
        self._places = places

    def place(self, number: int) -> str:
        """Where step ``number`` stands, counted from 0, as file:line."""
        return f"{self.path}:{self._places[number].start_mark.line + 1}"


def _steps(root: yaml.Node) -> list[yaml.Node]:
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    lists = [value for key, value in pairs if key.value == "steps"]
    return list(lists[-1].value) if lists and isinstance(lists[-1], yaml.SequenceNode) else []


def _not_one_key(root: yaml.Node, data: Any) -> Iterator[Mistake]:
    steps = data.get("steps") if isinstance(data, dict) else None
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, dict) and len(step) != 1:
            told = f"has {len(step)} keys; allowed: one in each step, after its own '- '"
            yield at(root, ("steps", index), told)
        elif isinstance(step, dict) and None in step.values():
            told = "says nothing; allowed: what it is about, such as a visitor: 1"
            yield at(root, ("steps", index), told)


def find(name: str) -> Path:
    """The file that is called so: a path, or a scenario that comes with quench.

    Raises ConfigError.
    """
    path = Path(name)
    shipped = FOLDER / f"{name}.yaml"
    if not path.exists() and "/" not in name and shipped.exists():
        return shipped
    if not path.exists():
        hint = did_you_mean(name, names())
        raise ConfigError(
            f"{name}: no such file, and no scenario of that name comes with quench{hint};"
            f" there are: {', '.join(names())}"
        )
    return path


def names() -> list[str]:
    """Those that come with quench, in the order of the tutorial."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))
