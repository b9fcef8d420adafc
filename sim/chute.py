"""Where drinks fall: a motor turns while its relay is ON, a drink goes over, and breaks a beam.

The way takes the time that it takes; nothing here knows what a controller thinks.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from drivers.hal import Clock
from sim.boards.base import Switched

TURN_SHARE = 0.6
"""Of a slot's pulse: after so much of it the drink goes over the edge."""
FALL_MS = 250
"""From the edge to the beam: some 30 cm."""
BREAK_MS = 40
"""How long a can is in the beam."""


class Fall(NamedTuple):
    """A drink on its way, from the edge at ``at_ms``."""

    channel: int
    at_ms: int
    in_ms: int
    """When it comes into the beam."""
    out_ms: int
    """When it is out of it."""

    def breaks(self, now_ms: int) -> bool:
        return self.in_ms <= now_ms < self.out_ms


class Chute:
    """The chute of a machine whose slots' channels have those pulses."""

    def __init__(self, pulse_ms: Mapping[int, int], clock: Clock) -> None:
        self.jammed: set[int] = set()
        """Channels whose motor turns, and no drink comes."""
        self.blocked = False
        """Something lies in the beam."""
        self.late_ms = 0
        """How much longer than usual drinks are on their way from the edge to the beam."""
        self.on_fall: Callable[[Fall], None] = lambda fall: None
        """Called when a drink that fell reaches the visitor: when it is out of the beam."""
        self.bites: Counter[str] = Counter()
        """How often what is wrong with it has changed what happened."""
        self._pulse_ms = pulse_ms
        self._clock = clock
        self._falls: list[Fall] = []
        self._blind = False
        self._sees_since_ms = 0

    @property
    def blind(self) -> bool:
        """The sensor's cable is off, or its lens is dirty: its beam never seems broken."""
        return self._blind

    @blind.setter
    def blind(self, blind: bool) -> None:
        if self._blind and not blind:
            self._sees_since_ms = self._clock.now_ms()
        self._blind = blind

    def hides(self, fall: Fall) -> bool:
        """Whether the sensor could not see all of it: it was blind meanwhile."""
        return self._blind or self._sees_since_ms > fall.in_ms

    def switched(self, switched: Switched) -> None:
        """A relay was switched: its motor runs, or stands."""
        if not switched.on:
            # A motor that stands too early leaves its drink at the edge.
            self._falls = [
                fall
                for fall in self._falls
                if fall.channel != switched.channel or fall.at_ms <= switched.at_ms
            ]
        elif switched.channel in self.jammed:
            self.bites["jam"] += 1
        elif switched.channel in self._pulse_ms:
            edge_ms = switched.at_ms + int(self._pulse_ms[switched.channel] * TURN_SHARE)
            in_ms = edge_ms + FALL_MS + self.late_ms
            self._falls.append(Fall(switched.channel, edge_ms, in_ms, in_ms + BREAK_MS))
            if self.late_ms:
                self.bites["drop-late"] += 1

    def broken(self) -> bool:
        """Whether the beam is broken now."""
        self.let_out()
        now_ms = self._clock.now_ms()
        passing = any(fall.breaks(now_ms) for fall in self._falls)
        if self.blocked and not passing:
            self.bites["block"] += 1
        if self.blind and passing:
            self.bites["blind"] += 1
        return self.blocked or (passing and not self.blind)

    def next_ms(self) -> int | None:
        """When the beam will next be broken or free, if nobody does anything."""
        if not self._falls:
            return None
        now_ms = self._clock.now_ms()
        edges = [
            edge_ms
            for fall in self._falls
            for edge_ms in (fall.in_ms, fall.out_ms)
            if edge_ms > now_ms
        ]
        return min(edges, default=None)

    def out_ms(self) -> int | None:
        """When the next drink will be out of the beam, if nobody does anything."""
        return min([fall.out_ms for fall in self._falls]) if self._falls else None

    def let_out(self) -> None:
        """Give visitors the drinks that are out of the beam by now."""
        now_ms = self._clock.now_ms()
        out = [fall for fall in self._falls if fall.out_ms <= now_ms]
        if out:
            self._falls = [fall for fall in self._falls if fall not in out]
        for fall in out:
            self.on_fall(fall)


class SimulatedSensor:
    """A drop sensor that looks into the chute itself; see :class:`drivers.hal.DropSensor`."""

    def __init__(self, chute: Chute) -> None:
        self._chute = chute

    def broken(self) -> bool:
        return self._chute.broken()

    def close(self) -> None:
        """Nothing is held."""
