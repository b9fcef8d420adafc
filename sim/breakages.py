"""What a person can break at a simulated machine, and put right again, each with what it does."""

from typing import NamedTuple

from controller.config import Config
from sim import faults
from sim.boards.base import Board
from sim.deeds import LASTING
from sim.faults import Fault


class Breakage(NamedTuple):
    """Something that goes wrong."""

    name: str
    """What a deed calls it."""
    place: str
    """What it is that breaks."""
    title: str
    told: str
    """What it does, in a sentence."""


class Mishap(NamedTuple):
    """Something that goes wrong once, and is over."""

    deed: str
    """All its words."""
    title: str
    told: str


_PLACES = {
    "unplug": "cable",
    "doubled": "cable",
    "split": "cable",
    "jam": "slots",
    "block": "drop sensor",
    "blind": "drop sensor",
    "drop-late": "drop sensor",
    "lock": "disk",
    "disk-full": "disk",
    "fsync-fails": "disk",
}
_TITLES = {
    "unplug": "Cable out",
    "doubled": "Doubled answers",
    "split": "Split answers",
    "jam": "First slot jammed",
    "block": "Beam blocked",
    "blind": "Sensor blind",
    "drop-late": "Drinks fall late",
    "lock": "Journal locked",
    "disk-full": "Disk full",
    "fsync-fails": "Syncs fail",
    "silent": "Silent",
    "slow": "Slow",
    "garble": "Garbled",
    "half": "Half answers",
    "stale": "Stale read-back",
    "lost-ack": "Lost acknowledgement",
    "stranger": "Wrong address",
    "dead": "No power",
    "welded": "Contact welded",
    "stuck-open": "Contact stuck open",
    "crossed": "Channels crossed",
}

MISHAPS = (
    Mishap("crash", "Kill the controller", "the program is gone at once, as by kill -9"),
    Mishap("time-out", "Write times out", "the next write is reported as failed, and arrives"),
    Mishap("replug", "Cable out and in", "back at once, and the port that was open stays dead"),
    Mishap("noise", "Noise on the wire", "five bytes arrive that nobody sent"),
    Mishap("flood 3000", "A flood of phones", "3,000 ask at one moment"),
    Mishap("stall 1500", "The computer stalls", "for 1.5 s it does not come to the loop"),
    Mishap("jump forth 10", "The date jumps", "the clock on the wall goes ten years ahead"),
    Mishap("twice 1", "A hand on relay 1", "it closes though nobody paid heed: the lights tell"),
)


def breakages(config: Config, board: Board) -> list[Breakage]:
    """Those that this machine can have."""
    has_sensor = config.sensor_settings() is not None
    beside = [
        _breakage(name, _PLACES[name], each.told)
        for name, each in LASTING.items()
        if has_sensor or _PLACES[name] != "drop sensor"
    ]
    of_board = [
        _breakage(fault.value, "relay board", f"it {fault.told}")
        for fault in Fault
        if not board.why_not(faults.switch(fault.value))
    ]
    return [*of_board, *beside]


def _breakage(name: str, place: str, told: str) -> Breakage:
    return Breakage(name, place, _TITLES[name], told)
