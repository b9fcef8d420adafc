"""Where somebody sits who plays with a machine: what they can do to it, and what they see of it.

The panel in the browser and the one in the terminal are two faces of it. The thread that
owns the session calls it; nothing here waits.
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from controller.assembly import Controller
from controller.config import Config
from controller.errors import JournalError
from controller.runner import Listener
from controller.status import Status
from controller.table import State, ways
from drivers.hal import Clock
from sim import deeds
from sim.boards.base import Frame
from sim.breakages import MISHAPS, breakages
from sim.crowd import MOST_PER_HOUR
from sim.deeds import BadDeed
from sim.pace import FASTEST, Pace
from sim.recording import Recorder, Recording
from sim.rewired import SENSORS, dialects, rewired, sensor_of
from sim.session import BROKE, Session, Told
from sim.trace import Fell, OnWire, RelaySwitched
from sim.verdict import MEANING
from sim.visitors import patient

LOG_LINES = 200

SECRETS_MS = 10_000
"""How often it is looked, in real time, whether a secret is in the journal's files."""


class Refused(Exception):
    """It can't be done; the text says why, and what can."""


class Desk:
    """One. :meth:`open` it first, and :meth:`close` it."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        *,
        seed: int,
        opening: datetime,
        speed: float = 1.0,
        journal: Path | None = None,
        replayed: Recording | None = None,
        record: Path | None = None,
        listeners: Sequence[Listener] = (),
        on_boot: Callable[[Controller], None] = lambda controller: None,
        on_gone: Callable[[], None] = lambda: None,
        on_frame: Callable[[Frame], None] = lambda frame: None,
    ) -> None:
        """``replayed``: what is played again, in place of what hands do.

        ``journal``: where it is kept; None: with each machine a fresh one. ``record``: the
        file into which everything is written as it is done.
        """
        self.config = config
        self.replayed = replayed
        self._clock = clock
        self._seed = seed if replayed is None else replayed.seed
        self._opening = opening if replayed is None else replayed.opening
        self._journal = journal
        self._file = record
        self._record: Recorder
        self._listeners, self._on_boot, self._on_gone = listeners, on_boot, on_gone
        self._on_frame = on_frame
        self._log = _Log()
        self._secrets_ms = 0
        self.built = 0
        """The number of this machine: another one has another, in every program that ever ran."""
        self.session: Session
        self.pace = Pace(clock, speed)

    def open(self) -> None:
        """Build the machine, and start it. Raises QuenchError."""
        logging.getLogger("quench").addHandler(self._log)
        self._build(self.config)

    def stop(self) -> None:
        """An orderly end of the machine; what asks still is answered."""
        self.session.stop()

    def close(self) -> None:
        self._record.close(self.session.now_ms)
        self.session.close()
        logging.getLogger("quench").removeHandler(self._log)

    # -- what somebody does ------------------------------------------------------------

    def act(self, asked: Mapping[str, Any]) -> None:
        """Do what a face asks for: ``do`` says what, and the rest how. Raises Refused."""
        does = _DOES.get(str(asked.get("do")))
        if does is None:
            raise Refused(f"nobody can do {asked.get('do')!r}; allowed: {', '.join(_DOES)}")
        does(self, asked)

    def _deed(self, asked: Mapping[str, Any]) -> None:
        """Something is done to the machine: ``deed`` has its words."""
        self._must_be_live()
        try:
            (deed,) = deeds.read(f"{self.session.now_ms} {asked.get('deed')}")
        except (BadDeed, ValueError) as error:
            raise Refused(str(error)) from None
        self.session.do(deed.what, *deed.args)

    def _preview(self, asked: Mapping[str, Any]) -> None:
        """A messenger fetches the address of the code, to draw a preview."""
        self._must_be_live()
        self.session.new_visitor_does("preview")

    def _visit(self, asked: Mapping[str, Any]) -> None:
        """Somebody comes who scans, reads, waits and taps."""
        self._must_be_live()
        if not self.session.world.token:
            raise Refused("nobody can scan now: the screen shows no code")
        self.session.crowd.send(patient, self.session.now_ms)

    def _refill(self, asked: Mapping[str, Any]) -> None:
        """The operator fills every slot."""
        self._must_be_live()
        for slot in self.session.config.slots:
            self.session.do("load", slot.name, slot.capacity)

    def _mend(self, asked: Mapping[str, Any]) -> None:
        """Everything that is broken is mended."""
        self._must_be_live()
        for name in self._broken():
            self.session.do("mend", name)

    def _speed(self, asked: Mapping[str, Any]) -> None:
        """``x`` virtual seconds in each real one; 0: as fast as it goes."""
        self.pace.set(_number(asked, "x", FASTEST))
        self.pace.pause(paused=False)

    def _pause(self, asked: Mapping[str, Any]) -> None:
        self.pace.pause()

    def _go(self, asked: Mapping[str, Any]) -> None:
        self.pace.pause(paused=False)

    def _step(self, asked: Mapping[str, Any]) -> None:
        """On to the next thing that is to be seen, and stand still there.

        Where nothing is awaited, to the machine's next look at its parts: else a step of a
        machine at rest would never end.
        """
        if self._over:
            raise Refused("the recording is over; step back, or start anew")
        before = self.session.seen
        self.pace.step()
        while self.session.seen == before and self.session.awaits and not self._over:
            self.pace.step()

    def _back(self, asked: Mapping[str, Any]) -> None:
        """Back to what was to be seen before: the recording is played anew up to there."""
        if self.replayed is None:
            raise Refused("time goes back in a recording only; see 'quench sim --replay'")
        self.pace.pause()
        now_ms = self.session.now_ms
        before = (told.seen.at_ms for told in reversed(self.session.history))
        self._play_to(next((at_ms for at_ms in before if at_ms < now_ms), 0))

    def _seek(self, asked: Mapping[str, Any]) -> None:
        """To that moment of the recording, ``at_ms``."""
        if self.replayed is None:
            raise Refused("only a recording has a beginning and an end; see 'quench sim --replay'")
        self.pace.pause()
        self._play_to(int(_number(asked, "at_ms", self.replayed.end_ms)))

    def _play_to(self, at_ms: int) -> None:
        if at_ms < self.session.now_ms:
            self._build(self.config)
        self.session.pass_to(at_ms)
        self.pace.play(self.session)

    def _crowd(self, asked: Mapping[str, Any]) -> None:
        """``per_hour`` visitors come from now on."""
        self._must_be_live()
        self.session.crowd.come(_number(asked, "per_hour", MOST_PER_HOUR), self.session.now_ms)

    def _rewire(self, asked: Mapping[str, Any]) -> None:
        """Another machine, with that ``dialect`` and that ``sensor``; the last one is no more."""
        self._must_be_live()
        dialect = str(asked.get("dialect", self.config.hardware.relay.driver))
        sensor = str(asked.get("sensor", sensor_of(self.config)))
        if dialect not in dialects():
            raise Refused(f"no board speaks {dialect!r}; allowed: {', '.join(dialects())}")
        if sensor not in (*SENSORS, sensor_of(self.config)):
            raise Refused(f"no drop sensor is called {sensor!r}; allowed: {', '.join(SENSORS)}")
        self._build(rewired(self.config, dialect=dialect, sensor=sensor))

    def _anew(self, asked: Mapping[str, Any]) -> None:
        """The same machine from its beginning."""
        self._build(self.config)

    def _must_be_live(self) -> None:
        if self.replayed is not None:
            raise Refused("a recording is played; what was done then can't be changed now")

    # -- machines ----------------------------------------------------------------------

    def _build(self, config: Config) -> None:
        crowd, first = 0.0, not self.built
        if not first:
            crowd = self.session.crowd.per_hour
            self.session.stop()
            self._record.close(self.session.now_ms)
            self.session.close()
        self.built = secrets.randbits(48)
        self.config = config
        replayed = self.replayed
        self._record = Recorder(
            Recording(config, self._seed, self._opening), None if replayed else self._file
        )
        self.session = Session(
            config,
            self._seed,
            script=None if replayed is None else replayed.deeds,
            end_ms=None if replayed is None else replayed.end_ms,
            journal=None if replayed else self._journal,
            opening=self._opening,
            listeners=self._listeners,
            on_deed=self._record.add,
            on_boot=self._on_boot,
            on_gone=self._on_gone,
        )
        board = self.session.world.board
        see = board.on_frame

        def seen(frame: Frame) -> None:
            see(frame)
            self._on_frame(frame)

        board.on_frame = seen
        try:
            self.session.start()
        except JournalError:
            if first:
                self.session.close()
                raise
            # It stands there without its controller, which somebody may start.
        if replayed is None:
            self.session.crowd.come(crowd, self.session.now_ms)
        self.pace.play(self.session)

    # -- by itself ---------------------------------------------------------------------

    def turn(self) -> None:
        """What is done at every turn, whatever somebody does."""
        if self._over:
            self.pace.pause()
            return
        self._look_for_secrets()

    @property
    def _over(self) -> bool:
        """Whether a recording is played, and has come to its end."""
        return self.replayed is not None and self.session.now_ms >= self.replayed.end_ms

    def _look_for_secrets(self) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._secrets_ms >= SECRETS_MS:
            self._secrets_ms = now_ms
            self.session.look_for_secrets()

    # -- what somebody sees ------------------------------------------------------------

    @property
    def status(self) -> Status | None:
        """The running controller's; None while it is down."""
        return self.session.feed.status if self.session.feed else None

    @property
    def recorded(self) -> str:
        """The recording of this machine up to now, as it is written to a file. Raises Refused."""
        if self.replayed is not None:
            return str(self.replayed)
        if self._journal is not None:
            raise Refused(
                "a machine with a journal that is kept can't be played again from its beginning;"
                " start without --state-dir"
            )
        return self._record.text(self.session.now_ms)

    def hello(self) -> dict[str, Any]:
        """What stays as it is while this machine stands."""
        session = self.session
        return {
            "machine": self.built,
            "name": self.config.machine.name,
            "dialect": self.config.hardware.relay.driver,
            "dialects": dialects(),
            "sensor": sensor_of(self.config),
            "sensors": list(dict.fromkeys((*SENSORS, sensor_of(self.config)))),
            "slots": [
                {"name": slot.name, "channel": slot.channel, "capacity": slot.capacity}
                for slot in self.config.slots
            ],
            "dwell_ms": self.config.timing.dwell_ms,
            "breakages": [each._asdict() for each in breakages(self.config, session.world.board)],
            "mishaps": [each._asdict() for each in MISHAPS],
            "states": [state.value for state in State],
            "ways": [
                {"from": source.value, "to": dest.value, "by": by}
                for (source, dest), by in ways().items()
            ],
            "rules": {name: told for name, told in MEANING.items() if name != "the"},
            "replay": None if self.replayed is None else {"end_ms": self.replayed.end_ms},
            "most_per_hour": MOST_PER_HOUR,
        }

    def look(self) -> dict[str, Any]:
        """This moment."""
        session, world = self.session, self.session.world
        status = self.status
        taken = session.taken
        return {
            "now_ms": session.now_ms,
            "speed": self.pace.speed,
            "paused": self.pace.paused,
            "running": status is not None,
            "state": status.state.value if status else None,
            "reason": status.reason.value if status and status.reason else None,
            "detail": status.detail if status else "nobody runs the controller",
            "scan": f"s/{world.token}" if status and status.state is State.IDLE else "",
            "left": self._left(),
            "faults": {slot.name: slot.fault for slot in status.slots if slot.fault}
            if status
            else {},
            "coils": [world.board.coils[slot.channel - 1] for slot in self.config.slots],
            "beam": world.chute.broken(),
            "broken": self._broken(),
            "taken": taken
            and {
                "at_ms": taken.at_ms,
                "from": taken.source.value,
                "by": taken.trigger,
                "to": taken.dest.value,
            },
            "deadlines": list(self._deadlines()),
            "violations": self._lights(),
            "counts": dict(session.counts),
            "per_hour": session.crowd.per_hour,
            "log": self._log.lines[-1] if self._log.lines else "",
        }

    @property
    def log(self) -> Sequence[str]:
        """What the controller said last."""
        return tuple(self._log.lines)

    def news(self, after: int, most: int) -> tuple[list[dict[str, Any]], int]:
        """What was seen since number ``after``, at most the latest ``most``, and how many more."""
        history, new = self.session.history, self.session.seen - after
        wanted = min(new, most, len(history))
        told = [history[index] for index in range(len(history) - wanted, len(history))]
        return [_told(each) for each in told], max(0, new - wanted)

    def coils(self, after_ms: int) -> list[tuple[int, int, bool]]:
        """How each coil was moved since then: when, which channel, and what it is now."""
        news: list[tuple[int, int, bool]] = []
        for coil in reversed(self.session.coils):
            if coil.at_ms <= after_ms:
                break
            news.append(coil)
        return news[::-1]

    def _left(self) -> dict[str, int]:
        feed = self.session.feed
        if feed is not None:
            return {slot.name: slot.remaining for slot in feed.status.slots}
        return self.session.world.stock()

    def _broken(self) -> list[str]:
        return sorted(self.session.hall.broken)

    def _deadlines(self) -> Iterator[dict[str, Any]]:
        world = self.session.world
        if world.controller is not None:
            runner = world.controller.runner
            deadline_ms = runner.machine.deadline_ms()
            if deadline_ms is not None:
                yield {"name": _DEADLINES[runner.machine.state], "at_ms": deadline_ms}
            if runner.wake_ms() > self.session.now_ms and runner.wake_ms() != deadline_ms:
                yield {"name": "the next look at the parts", "at_ms": runner.wake_ms()}
        due_ms = world.board.due_ms()
        if due_ms is not None:
            yield {"name": "the board does something by itself", "at_ms": due_ms}
        out_ms = world.chute.out_ms()
        if out_ms is not None:
            yield {"name": "a drink is out", "at_ms": out_ms}

    def _lights(self) -> dict[str, str]:
        """What is wrong with each rule, by its short name; those that hold are left out."""
        violations = self.session.violations
        lights = {name.partition(" ")[0]: told for name, told in violations.items()}
        if BROKE in violations:  # and one that is gone does not come back by itself
            lights["S7"] = violations[BROKE]
        return lights


_DEADLINES = {
    State.IDLE: "idle",
    State.SCANNED: "the visitor must have read",
    State.WARNED: "the visitor must have tapped",
    State.DISPENSING: "this part of the dispense is over",
    State.OUT_OF_SERVICE: "out of service",
}

_DOES: dict[str, Callable[[Desk, Mapping[str, Any]], None]] = {
    "deed": Desk._deed,
    "preview": Desk._preview,
    "visit": Desk._visit,
    "refill": Desk._refill,
    "mend": Desk._mend,
    "speed": Desk._speed,
    "pause": Desk._pause,
    "go": Desk._go,
    "step": Desk._step,
    "back": Desk._back,
    "seek": Desk._seek,
    "crowd": Desk._crowd,
    "rewire": Desk._rewire,
    "anew": Desk._anew,
}


def _number(asked: Mapping[str, Any], key: str, most: float) -> float:
    value = asked.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise Refused(f"{key}: {value!r} is not a number from 0 to {most:g}")
    return float(value)


def _told(told: Told) -> dict[str, Any]:
    seen = told.seen
    item: dict[str, Any] = {
        "n": told.number,
        "at_ms": seen.at_ms,
        "lane": seen.lane.name.lower(),
        "words": seen.words,
    }
    match seen:
        case OnWire():
            item |= {
                "to_board": seen.to_board,
                "hex": seen.data.hex(" ").upper(),
                "words": seen.meaning,
            }
        case Fell() | RelaySwitched():
            item |= {"kind": type(seen).__name__, "channel": seen.channel}
    return item


class _Log(logging.Handler):
    """The last lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=LOG_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
