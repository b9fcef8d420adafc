"""A run from its seed: which machine, who comes when, and what goes wrong.

Swarm testing: each run draws which kinds of visitors come and which faults there are,
and how often, so that runs differ from each other more than one mixture would.
Source: Groce et al., "Swarm Testing", ISSTA 2012.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from controller.config import Config
from drivers import registry
from sim import boards, faults
from sim.deeds import LASTING, SLOTS, Deed, read, written
from sim.faults import Fault
from sim.visitors import VISITORS, Dice

VISITS = 200
"""In one run: about twenty minutes of a crowded hall."""

CAPACITY = 12
PULSE_MS = 700
"""Or the nearest that a board can time."""
DWELL_MS = 2_000

POWER = ("power-cut", "kill", "cut-again", "writes-lost", "writes-torn")
ONCE = ("write-timeout", "replug", "noise", "flood", "stall", "clock-jump", "client-gone")
FAULTS = tuple(sorted([*(fault.value for fault in Fault), *LASTING, *POWER, *ONCE]))
"""The classes of faults that a run can have, by name."""
CANARY = "canary"
"""Not one of them: a hand that switches a relay on, which no controller can help."""

_OF_SENSOR = {"block", "blind", "drop-late"}
_OF_ANSWERS = {"slow", "garble", "half", "silent", "lost-ack", "stale", "doubled", "split"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What differs between the machines of two runs."""

    dialect: str
    sensor: str = "none"
    """How drops are seen: "none", or the modem line "cts" or "dsr"."""
    another_slot: bool = False
    stop_on_unknown: bool = False

    def __str__(self) -> str:
        return (
            f"{self.dialect} sensor={self.sensor} another-slot={self.another_slot:d}"
            f" stop-on-unknown={self.stop_on_unknown:d}"
        )

    def config(self) -> Config:
        """That machine, with two slots if its board has as many relays."""
        sensor: dict[str, Any] = {"driver": "none"}
        if self.sensor != "none":
            sensor = {"driver": "serial-line", "line": self.sensor}
        driver = registry.load(self.dialect)
        channels = min(len(SLOTS), driver.max_channels)
        pulse_ms = driver.nearest_pulse_ms(PULSE_MS)
        wire = {} if driver.on_pins else {"port": "usb:1a86:7523", "channels": channels}
        return Config.model_validate(
            {
                "machine": {"name": "simulated", "public_url": "http://127.0.0.1:8080"},
                "hardware": {"relay": {"driver": self.dialect, **wire}, "drop_sensor": sensor},
                "slots": [
                    {"name": name, "channel": channel, "capacity": CAPACITY, "pulse_ms": pulse_ms}
                    for channel, name in enumerate(SLOTS[:channels], start=1)
                ],
                "timing": {"dwell_ms": DWELL_MS},
                "safety": {
                    "on_unknown": "stop" if self.stop_on_unknown else "continue",
                    "on_no_drop": "try_another_slot" if self.another_slot else "fail",
                },
                "journal": {"path": "/quench.db"},
            }
        )

    def can_matter(self, fault: str) -> bool:
        """Whether that class of faults makes sense for this machine."""
        if fault in _OF_SENSOR:
            return self.sensor != "none"
        driver = registry.load(self.dialect)
        if driver.on_pins:
            return fault in {*POWER, *LASTING, *ONCE, "welded", "stuck-open"} - _OF_ANSWERS - {
                "unplug",
                "replug",
                "noise",
                "write-timeout",
            }
        if fault in _OF_ANSWERS and driver.capabilities.blind:
            return False
        if fault == "lost-ack":
            return driver.capabilities.acknowledges
        if fault == "stale":
            return driver.capabilities.reads_back
        if fault not in {each.value for each in Fault}:
            return True
        board = boards.base.load(self.dialect)
        return not board(min(2, board.max_channels)).why_not(faults.switch(fault))


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, complete: the same plan and the same commit give the same trace."""

    setting: Setting
    seed: int
    """Of the tokens, and of what a power cut loses."""
    deeds: tuple[Deed, ...]

    def __str__(self) -> str:
        return f"{self.setting} seed={self.seed}: {written(self.deeds)}"


def parse(text: str) -> Plan:
    """The plan that was written so. Raises ValueError with what is wrong."""
    head, colon, deeds = text.partition(":")
    dialect, *pairs = head.split() or [""]
    said = dict(pair.partition("=")[::2] for pair in pairs)
    if not colon or dialect not in dialects(with_pins=True):
        raise ValueError("a plan begins with its dialect, as in 'lcus seed=1: 1000 scan 1; ...'")
    allowed = {"sensor", "another-slot", "stop-on-unknown", "seed"}
    if said.keys() - allowed:
        unknown = ", ".join(sorted(said.keys() - allowed))
        raise ValueError(f"{unknown}: no such setting; allowed: {', '.join(sorted(allowed))}")
    setting = Setting(
        dialect,
        sensor=said.get("sensor", "none"),
        another_slot=said.get("another-slot") == "1",
        stop_on_unknown=said.get("stop-on-unknown") == "1",
    )
    seed = said.get("seed", "0")
    if not seed.isdecimal():
        raise ValueError(f"seed={seed}: not a number")
    return Plan(setting, int(seed), tuple(read(deeds)))


def dialects(*, with_pins: bool = False) -> list[str]:
    """Those that a simulated machine can have."""
    names = boards.base.names()
    return [*names, "gpio"] if with_pins else names


@dataclass(frozen=True, slots=True)
class Choice:
    """What a run may draw from."""

    faults: tuple[str, ...] = FAULTS
    dialects: tuple[str, ...] = tuple(dialects())
    visits: int = VISITS


def draw(seed: int, choice: Choice) -> Plan:
    """The run of ``seed``."""
    random = Random(seed)  # noqa: S311
    setting = Setting(
        dialect=random.choice(choice.dialects),
        sensor=random.choice(["none", "none", "cts", "dsr"]),
        another_slot=random.random() < 0.5,
        stop_on_unknown=random.random() < 0.2,
    )
    if setting.dialect == "gpio":
        setting = Setting("gpio", stop_on_unknown=setting.stop_on_unknown)
    possible = [fault for fault in choice.faults if fault == CANARY or setting.can_matter(fault)]
    deeds = sorted(_Drawing(random, choice.visits, possible).deeds(), key=lambda deed: deed.at_ms)
    return Plan(setting, seed, tuple(deeds))


class _Drawing(Dice):
    """One run, while it is drawn."""

    def __init__(self, random: Random, visits: int, faults: Sequence[str]) -> None:
        super().__init__(random, DWELL_MS)
        self._visits = visits
        kinds = [random.random() for _ in VISITORS]
        self._weights = [3.0, *(weight for weight in kinds[1:])]
        # Of two faults that could be there, one is; each is rare or frequent.
        self._faults = {
            fault: random.choice((12, 40, 120)) for fault in faults if random.random() < 0.5
        }
        if "flood" in self._faults:
            self._faults["flood"] = 300  # it alone takes as long as a hundred visits
        self._gap_ms = random.choice((1_500, 4_000, 6_000))

    def deeds(self) -> Iterator[Deed]:
        """What happens, in no order."""
        yield Deed(0, "boot")
        now_ms = 1_000
        for number in range(1, self._visits + 1):
            now_ms += int(self.random.expovariate(1 / self._gap_ms)) + 50
            if self.random.random() < 0.02:
                now_ms += self.between(20_000, 90_000)  # nobody comes for a while
            (kind,) = self.random.choices(VISITORS, self._weights)
            yield from kind(self, number, now_ms)
            if self.random.random() < 0.12:
                yield Deed(now_ms, "load", (self.random.choice(SLOTS), self.between(0, CAPACITY)))
            if self.random.random() < 0.1:
                found = self.random.choice(("dispensed", "remaining", "failed"))
                yield Deed(now_ms + 500, "reconcile", (found,))
            if self.random.random() < 0.01:
                deed = self.random.choice(("stop", "stop", "hurry"))
                yield Deed(now_ms + self.between(0, 4_000), deed)
                yield Deed(now_ms + 5_000, "boot")
            for fault, visits in self._faults.items():
                if self.random.random() * visits < 1:
                    yield from self._fault(fault, now_ms + self.between(0, 6_000))

    def _fault(self, fault: str, now_ms: int) -> Iterator[Deed]:
        if fault in POWER:
            yield from self._crash(fault, now_ms)
        elif fault in ONCE or fault == CANARY:
            yield self._once(fault, now_ms)
        else:
            yield Deed(now_ms, "throw", (fault,))
            yield Deed(
                now_ms + self.between(200, self.random.choice((2_000, 15_000))), "mend", (fault,)
            )

    def _crash(self, fault: str, now_ms: int) -> Iterator[Deed]:
        """Armed a little before a tap, perhaps, so that it hits a dispense."""
        instants = self.between(1, 90)
        torn = {"writes-lost": 100, "writes-torn": 50}.get(fault, 0)
        if fault == "kill":
            yield Deed(now_ms, "kill", (instants,))
        else:
            yield Deed(now_ms, "cut", (instants, torn))
        now_ms += self.between(1_000, 20_000)
        yield Deed(now_ms, "spare")
        if fault == "cut-again":
            yield Deed(now_ms, "cut-again", (self.between(1, 60), self.random.choice((0, 50, 100))))
        yield Deed(now_ms, "boot")
        yield Deed(now_ms + 2_000, "spare")
        yield Deed(now_ms + 2_000, "boot")

    def _once(self, fault: str, now_ms: int) -> Deed:
        match fault:
            case "write-timeout":
                return Deed(now_ms, "time-out")
            case "flood":
                return Deed(now_ms, "flood", (3_000,))
            case "stall":
                return Deed(now_ms, "stall", (self.between(50, 4_000),))
            case "clock-jump":
                return Deed(now_ms, "jump", (self.random.choice(("forth", "back")), 10))
            case "client-gone":
                return Deed(now_ms, "gone", (0,))
            case "canary":
                return Deed(now_ms, "twice", (self.between(1, 2),))
        return Deed(now_ms, fault)
