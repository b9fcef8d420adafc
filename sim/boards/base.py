"""What every emulated board is: bytes and time in, bytes out, coils between them."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, cast

import sim.boards
from sim.faults import SLOW_MS, Fault, Switch


class Frame(NamedTuple):
    """One frame on the wire, decoded."""

    at_ms: int
    to_board: bool
    data: bytes
    meaning: str


class Switched(NamedTuple):
    """A relay that was told ON or OFF, whether it obeyed or not, or that fell with the power."""

    at_ms: int
    channel: int
    on: bool
    commanded: bool
    """False: nobody said so, the power went."""
    told: int = 0
    """The channel that was told so, where wires are crossed; 0 if it is the one that switched."""

    @property
    def as_told(self) -> int:
        """The channel that was meant."""
        return self.told or self.channel


class Board(ABC):
    """A board with coils 1 to ``channels``, all OFF when it gets power.

    ``faults`` are the switches that are thrown. ``coils`` is what is energised,
    whatever the board was told and whatever it says.
    """

    max_channels: int

    def __init__(self, channels: int) -> None:
        if not 1 <= channels <= self.max_channels:
            raise ValueError(f"this board has 1 to {self.max_channels} channels, not {channels}")
        self.coils = [False] * channels
        self.faults: set[Switch] = set()
        self.on_frame: Callable[[Frame], None] = lambda frame: None
        self.on_switch: Callable[[Switched], None] = lambda switched: None
        self.bites: Counter[str] = Counter()
        """How often each fault has changed what happened."""
        self._switched_ms = [0] * channels
        self._buffer = b""
        self._ends_ms: dict[int, int] = {}
        self._late: list[tuple[int, bytes]] = []
        self._told = list(self.coils)
        self._commanded = False

    # -- faults -------------------------------------------------------------------

    def throw(self, switch: Switch, now_ms: int) -> None:
        """Throw ``switch``. Raises ValueError if this board can't have that fault."""
        why_not = self.why_not(switch)
        if why_not:
            raise ValueError(why_not)
        self.faults.add(switch)
        if switch.fault is Fault.DEAD:
            self.power_off(now_ms)

    def mend(self, switch: Switch | None = None) -> None:
        """Put that switch back, or every one. A coil stays as it is until the board is told."""
        if switch is None:
            self.faults.clear()
        self.faults.discard(cast(Switch, switch))

    def why_not(self, switch: Switch) -> str:
        """Why this board can't have that fault; empty if it can."""
        if switch.fault is Fault.STRANGER:
            return "this board has no bus address"
        least = 2 if switch.fault is Fault.CROSSED else switch.channel or 1
        if least > len(self.coils):
            return f"this board has {len(self.coils)} channels"
        return ""

    def has(self, fault: Fault, channel: int = 0) -> bool:
        """Whether ``fault`` is thrown, on that channel if it is one of channels."""
        return any(
            switch.fault is fault and (not channel or switch.hits(channel))
            for switch in self.faults
        )

    def suffers(self, fault: Fault, channel: int = 0) -> bool:
        """The same, where it changes what happens."""
        if not self.faults or not self.has(fault, channel):
            return False
        self.bites[fault.value] += 1
        return True

    # -- bytes ----------------------------------------------------------------------

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Take bytes from the wire, in any pieces; return what the board answers.

        A board has no clock for half frames: it looks for the next bytes that make
        sense, so that a frame after garbage is still understood.
        """
        answer = self.advance(now_ms)
        if self.suffers(Fault.DEAD):
            return answer
        self._buffer += data
        noise = b""
        while self._buffer:
            self._commanded = False
            size, meaning, reply = self._next_frame(now_ms)
            if size == 0:
                break
            taken, self._buffer = self._buffer[:size], self._buffer[size:]
            if not meaning:
                noise += taken
                continue
            if noise:
                noise = self._report_noise(noise, now_ms)
            self.on_frame(Frame(now_ms, True, taken, meaning))
            if reply:
                answer += self._sent(reply, now_ms)
        if noise:
            self._report_noise(noise, now_ms)
        return answer

    @abstractmethod
    def _next_frame(self, now_ms: int) -> tuple[int, str, bytes]:
        """Size, meaning and answer of what the buffer begins with.

        Size 0: more bytes are needed. No meaning: these bytes make no sense.
        """

    def _sent(self, reply: bytes, now_ms: int) -> bytes:
        """What of ``reply`` goes onto the wire at once."""
        if self.suffers(Fault.SILENT):
            return b""
        if self._commanded and self.suffers(Fault.LOST_ACK):
            return b""
        if self.suffers(Fault.HALF):
            reply = reply[: len(reply) // 2]
        if self.suffers(Fault.GARBLE):
            reply = bytes(byte ^ 0x15 for byte in reply)
        if not reply:
            return b""
        if self.suffers(Fault.SLOW):
            self._late.append((now_ms + SLOW_MS, reply))
            return b""
        self.on_frame(Frame(now_ms, False, reply, "answer"))
        return reply

    def _report_noise(self, noise: bytes, now_ms: int) -> bytes:
        self.on_frame(Frame(now_ms, True, noise, "not understood"))
        return b""

    def _shown(self) -> list[bool]:
        """The coils as the board tells them to whoever asks."""
        told, self._told = self._told, list(self.coils)
        return told if told != self._told and self.suffers(Fault.STALE) else self._told

    # -- time and power ---------------------------------------------------------------

    def due_ms(self) -> int | None:
        """When the board will next do something by itself, or None for never."""
        return min([*self._ends_ms.values(), *(due_ms for due_ms, _ in self._late)], default=None)

    def advance(self, now_ms: int) -> bytes:
        """End the pulses that the board times and that are over; return answers that were late."""
        if not self._ends_ms and not self._late:
            return b""
        if self._ends_ms:
            for channel, end_ms in sorted(self._ends_ms.items(), key=lambda item: item[1]):
                if end_ms <= now_ms:
                    self._move(channel, False, end_ms, told=self._wired(channel))
        answer = b""
        while self._late and self._late[0][0] <= now_ms:
            due_ms, reply = self._late.pop(0)
            self.on_frame(Frame(due_ms, False, reply, "late answer"))
            answer += reply
        return answer

    def power_off(self, now_ms: int) -> None:
        """Lose power: every coil falls, and what was half received is forgotten."""
        self.advance(now_ms)
        self._buffer = b""
        self._late.clear()
        self._ends_ms.clear()
        for channel in range(1, len(self.coils) + 1):
            self.let_go(channel, now_ms)

    def let_go(self, channel: int, now_ms: int) -> None:
        """The coil falls, since nothing holds it any more."""
        self.coils[channel - 1] = False
        self.on_switch(Switched(now_ms, channel, False, commanded=False))

    # -- coils ------------------------------------------------------------------------

    def switch(self, channel: int, on: bool, now_ms: int) -> str:
        """Do as a command says; returns what happened, in words."""
        self._commanded = True
        if not 1 <= channel <= len(self.coils):
            return f"channel {channel}: no such channel"
        return self._move(self._wired(channel), on, now_ms, told=channel)

    def pulse(self, channel: int, pulse_ms: int, now_ms: int) -> str:
        """Energise ``channel``, and end it after ``pulse_ms``; returns what happened, in words."""
        words = self.switch(channel, True, now_ms)
        if 1 <= channel <= len(self.coils):
            self._ends_ms[self._wired(channel)] = now_ms + pulse_ms
        return f"{words} for {pulse_ms} ms"

    def _wired(self, channel: int) -> int:
        return 3 - channel if channel in (1, 2) and self.suffers(Fault.CROSSED) else channel

    def _move(self, channel: int, on: bool, now_ms: int, *, told: int = 0) -> str:
        self._ends_ms.pop(channel, None)
        words = f"channel {channel} {'ON' if on else 'OFF'}"
        was = self.coils[channel - 1]
        if was != on and self.suffers(Fault.STUCK_OPEN if on else Fault.WELDED, channel):
            words += f", and stays {'ON' if was else 'OFF'}"
        elif was != on:
            self.coils[channel - 1] = on
            if not on:
                words += f", was on for {now_ms - self._switched_ms[channel - 1]} ms"
            self._switched_ms[channel - 1] = now_ms
        self.on_switch(Switched(now_ms, channel, on, commanded=True, told=told))
        return words


_SHARED = {"base", "modbus"}


def names() -> list[str]:
    """The dialects that have an emulated board, sorted."""
    modules = (module.name for module in pkgutil.iter_modules(sim.boards.__path__))
    return sorted(name.replace("_", "-") for name in modules if name not in _SHARED)


def load(dialect: str) -> type[Board]:
    """The emulated board of ``dialect``, one of :func:`names`. Raises KeyError."""
    if dialect not in names():
        raise KeyError(dialect)
    module = importlib.import_module(f"sim.boards.{dialect.replace('-', '_')}")
    return cast(type[Board], module.BOARD)
