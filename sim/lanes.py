"""The lanes of a timeline: which rows they have, and what lasts in them, as bars."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sim.faults import UnknownFault, switch
from sim.reading import Line
from sim.trace import (
    BeamSeen,
    Booted,
    Died,
    Happened,
    Lane,
    RelaySwitched,
    Seen,
    StateSeen,
    Weather,
)


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasts, from one line to another."""

    lane: Lane
    key: int | str
    """What of its lane: a channel, a fault."""
    kind: str
    """How it is painted."""
    words: str
    brief: str
    """The words where there is no room for all."""
    begin: int
    """The line that it begins with, counted from 0."""
    end: int | None = None
    """The line that it ends with; None: it lasted to the end of the run."""


@dataclass(slots=True)
class _Bars:
    """Bars as they begin and end."""

    done: list[Bar] = field(default_factory=list)
    open: dict[tuple[Lane, int | str], Bar] = field(default_factory=dict)

    def begin(self, bar: Bar) -> None:
        self.open.setdefault((bar.lane, bar.key), bar)

    def end(self, lane: Lane, key: int | str, index: int) -> None:
        bar = self.open.pop((lane, key), None)
        if bar is not None:
            self.done.append(replace(bar, end=index))

    def keys(self, lane: Lane) -> list[int | str]:
        return [key for its_lane, key in self.open if its_lane is lane]


def bars(lines: Sequence[Line]) -> list[Bar]:
    """What lasts in ``lines``, in the order of its beginnings."""
    found = _Bars()
    for index, line in enumerate(lines):
        _take(found, index, line.seen)
    return sorted([*found.done, *found.open.values()], key=lambda bar: bar.begin)


def _take(found: _Bars, index: int, seen: Seen) -> None:
    match seen:
        case Booted():
            found.end(Lane.MACHINE, "state", index)
        case Died(how=how):
            _state(found, index, "gone", how, how)
        case StateSeen(state=state):
            words = seen.words.replace("_", " ")
            _state(found, index, state.value, words, state.value.partition("_")[0])
        case RelaySwitched():
            _coil(found, index, seen)
        case BeamSeen():
            _beam(found, index, seen)
        case Weather():
            _weather(found, index, seen)


def _coil(found: _Bars, index: int, seen: RelaySwitched) -> None:
    key = seen.channel
    if seen.on and seen.closed:
        found.begin(Bar(Lane.COIL, key, "on", f"channel {key} ON", "ON", index))
        return
    found.end(Lane.COIL, key, index)
    if seen.closed:
        words = f"channel {key} stays closed"
        found.begin(Bar(Lane.COIL, key, "wrong", words, "closed", index))


def _beam(found: _Bars, index: int, seen: BeamSeen) -> None:
    if seen.broken:
        found.begin(Bar(Lane.SENSOR, "beam", "broken", "beam broken", "broken", index))
    else:
        found.end(Lane.SENSOR, "beam", index)


def _weather(found: _Bars, index: int, seen: Weather) -> None:
    for key in found.keys(Lane.FAULT):
        if key not in seen.wrong:
            found.end(Lane.FAULT, key, index)
    for word in seen.wrong:
        found.begin(Bar(Lane.FAULT, word, "wrong", word, word, index))


def _state(found: _Bars, index: int, kind: str, words: str, brief: str) -> None:
    found.end(Lane.MACHINE, "state", index)
    found.begin(Bar(Lane.MACHINE, "state", kind, words, brief, index))


def meaning(fault: str) -> str:
    """What a board does that has ``fault``, in a few words; empty if it is none of a board's."""
    try:
        return switch(fault).fault.told
    except UnknownFault:
        return ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a lane; a lane has one or more."""

    lane: Lane
    name: str = ""
    """What is in it, if that is not all of the lane."""


class Rows:
    """Which row each bar and each line stands in.

    A channel that was ever ON has one of its own, and all others share one. Faults that
    last at one time stand beneath each other, and beneath those that were over at once.
    """

    def __init__(self, lines: Sequence[Line], lasting: Sequence[Bar]) -> None:
        told = {line.seen.channel for line in lines if isinstance(line.seen, RelaySwitched)}
        on = {bar.key for bar in lasting if bar.lane is Lane.COIL}
        self._channels = sorted(told & on)
        self._quiet = sorted(told - on)
        faults = [bar for bar in lasting if bar.lane is Lane.FAULT]
        over_at_once = any(isinstance(line.seen, Happened) for line in lines)
        self._stacked = {bar: row + over_at_once for bar, row in _stacked(faults)}
        self.rows = [row for lane in Lane for row in self._of(lane)]
        """From the top."""
        lanes = [row.lane for row in self.rows]
        self._first = {lane: lanes.index(lane) for lane in Lane}

    def of_bar(self, bar: Bar) -> int:
        """The row of one of the bars, counted from 0."""
        below = self._below(bar.key) if bar.lane is Lane.COIL else self._stacked.get(bar, 0)
        return self._first[bar.lane] + below

    def of_line(self, line: Line) -> int:
        """The row of one of the lines, counted from 0."""
        seen = line.seen
        below = self._below(seen.channel) if isinstance(seen, RelaySwitched) else 0
        return self._first[seen.lane] + below

    def _below(self, channel: int | str) -> int:
        channels: Sequence[int | str] = self._channels
        return channels.index(channel) if channel in channels else len(channels)

    def _of(self, lane: Lane) -> list[Row]:
        if lane is Lane.COIL and (self._channels or self._quiet):
            quiet = "others" if len(self._quiet) > 1 else "".join(map(str, self._quiet))
            names = [*map(str, self._channels), *([quiet] if quiet else [])]
            return [Row(lane, name) for name in names]
        if lane is Lane.FAULT:
            return [Row(lane)] * (1 + max(self._stacked.values(), default=0))
        return [Row(lane)]


def _stacked(lasting: Sequence[Bar]) -> Iterator[tuple[Bar, int]]:
    """Each with the first row in which nothing else lasts."""
    free: list[float] = []
    for bar in lasting:
        row = next((i for i, end in enumerate(free) if end <= bar.begin), len(free))
        free[row : row + 1] = [float("inf") if bar.end is None else bar.end]
        yield bar, row
