"""Plays a recording to its end, as fast as it goes, and tells what came of it."""

from contextlib import closing
from dataclasses import dataclass

from sim.recording import Recording, read
from sim.session import Session
from sim.trace import Fell


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one."""

    state: str | None
    """The machine's at the end; None while no controller runs."""
    reason: str | None
    """Why it is out of service, if it is."""
    left: dict[str, int]
    """How many drinks are in each slot, as the journal has it."""
    dispenses: list[tuple[str, str]]
    """Every dispense: its slot, and how it ended."""
    fell: list[tuple[int, int]]
    """Every drink that fell: when, in ms since the beginning, and from which channel."""
    violations: dict[str, str]
    """What was violated, by the name of the rule."""


def play(text: str, name: str = "the recording") -> Replayed:
    """Play what is written in ``text``. Raises ConfigError if that is no recording."""
    return replay(read(text, name))


def replay(recording: Recording) -> Replayed:
    """Play it."""
    fell: list[tuple[int, int]] = []
    session = Session(
        recording.config, recording.seed, script=recording.deeds, opening=recording.opening
    )
    with closing(session):
        session.on_seen = lambda seen: (
            fell.append((seen.at_ms, seen.channel)) if isinstance(seen, Fell) else None
        )
        session.start()
        session.pass_to(recording.end_ms)
        status = session.feed.status if session.feed else None
        return Replayed(
            state=status.state.value if status else None,
            reason=status.reason.value if status and status.reason else None,
            left=session.world.stock(),
            dispenses=session.world.dispenses(),
            fell=fell,
            violations=dict(session.violations),
        )
