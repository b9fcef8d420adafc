"""What every emulated board is: bytes and time in, bytes out, coils between them."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import sim.boards


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame on the wire, decoded."""

    at_ms: int
    to_board: bool
    data: bytes
    meaning: str


@dataclass(frozen=True, slots=True)
class Switched:
    """A relay that was told ON or OFF, or that fell because the power went."""

    at_ms: int
    channel: int
    on: bool
    moved: bool
    """Whether it was the other way before."""
    commanded: bool
    """False: nobody said so, the power went."""


class Board(ABC):
    """A board with coils 1 to ``channels``, all OFF when it gets power."""

    max_channels: int

    def __init__(self, channels: int) -> None:
        if not 1 <= channels <= self.max_channels:
            raise ValueError(f"this board has 1 to {self.max_channels} channels, not {channels}")
        self.coils = [False] * channels
        self.on_frame: Callable[[Frame], None] = lambda frame: None
        self.on_switch: Callable[[Switched], None] = lambda switched: None
        self._switched_ms = [0] * channels
        self._buffer = b""
        self._ends_ms: dict[int, int] = {}

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Take bytes from the wire, in any pieces; return what the board answers.

        A board has no clock for half frames: it looks for the next bytes that make
        sense, so that a frame after garbage is still understood.
        """
        self.advance(now_ms)
        self._buffer += data
        answer = b""
        noise = b""
        while self._buffer:
            size, meaning, reply = self._next_frame(now_ms)
            if size == 0:
                break
            taken, self._buffer = self._buffer[:size], self._buffer[size:]
            if not meaning:
                noise += taken
                continue
            noise = self._report_noise(noise, now_ms)
            self.on_frame(Frame(now_ms, True, taken, meaning))
            if reply:
                self.on_frame(Frame(now_ms, False, reply, "answer"))
            answer += reply
        self._report_noise(noise, now_ms)
        return answer

    @abstractmethod
    def _next_frame(self, now_ms: int) -> tuple[int, str, bytes]:
        """Size, meaning and answer of what the buffer begins with.

        Size 0: more bytes are needed. No meaning: these bytes make no sense.
        """

    def _report_noise(self, noise: bytes, now_ms: int) -> bytes:
        if noise:
            self.on_frame(Frame(now_ms, True, noise, "not understood"))
        return b""

    def due_ms(self) -> int | None:
        """When the board will next do something by itself, or None for never."""
        return min(self._ends_ms.values(), default=None)

    def advance(self, now_ms: int) -> None:
        """Do what was due by ``now_ms``: end the pulses that the board times itself."""
        for channel, end_ms in sorted(self._ends_ms.items(), key=lambda item: item[1]):
            if end_ms <= now_ms:
                self.switch(channel, False, end_ms)

    def pulse(self, channel: int, pulse_ms: int, now_ms: int) -> str:
        """Energise ``channel``, and end it after ``pulse_ms``; returns what happened, in words."""
        words = self.switch(channel, True, now_ms)
        if 1 <= channel <= len(self.coils):
            self._ends_ms[channel] = now_ms + pulse_ms
        return f"{words} for {pulse_ms} ms"

    def power_off(self, now_ms: int) -> None:
        """Lose power: every coil falls, and what was half received is forgotten."""
        self.advance(now_ms)
        self._buffer = b""
        for channel in range(1, len(self.coils) + 1):
            self.switch(channel, False, now_ms, commanded=False)

    def switch(self, channel: int, on: bool, now_ms: int, *, commanded: bool = True) -> str:
        """Put coil ``channel`` ON or OFF; returns what happened, in words."""
        if not 1 <= channel <= len(self.coils):
            return f"channel {channel}: no such channel"
        self._ends_ms.pop(channel, None)
        was = self.coils[channel - 1]
        self.coils[channel - 1] = on
        words = f"channel {channel} {'ON' if on else 'OFF'}"
        if was != on:
            if not on:
                words += f", was on for {now_ms - self._switched_ms[channel - 1]} ms"
            self._switched_ms[channel - 1] = now_ms
        self.on_switch(Switched(now_ms, channel, on, was != on, commanded))
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
