"""The drop sensor: what it sees, what it can't, and what the machine makes of either."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from controller.clock import MonotonicClock
from controller.config import Config, load
from controller.door import Word
from controller.drops import GAP_MS, DropWatch
from controller.errors import JournalError
from controller.events import Dropped, Outcome, SensorLost
from controller.journal import Journal
from controller.machine import Reason
from controller.status import Status
from controller.table import State
from drivers import registry
from drivers.hal import RelaySettings, SensorError, SensorSettings, open_with_off
from drivers.sensors import open_sensor
from sim.boards.base import Switched
from sim.chute import BREAK_MS, FALL_MS, Chute, SimulatedSensor
from sim.clock import VirtualClock
from sim.properties import Violation
from sim.trace import Fell, RelaySwitched
from sim.world import World
from tests.processes import machine, quench, written
from tests.test_web import simulated

PULSE_MS = 700
DEBOUNCE_MS = 5
DROP_TIMEOUT_MS = 3_000

SENSORS = {
    "gpio": {"driver": "gpio", "pin": 17},
    "cts": {"driver": "serial-line", "line": "cts"},
    "dsr, high": {"driver": "serial-line", "line": "dsr", "broken_when": "high"},
}


def config(
    folder: Path,
    sensor: str = "gpio",
    *,
    retries: bool = False,
    names: Sequence[str] = ("water", "tea"),
) -> Config:
    slots = [
        {"name": name, "channel": channel, "capacity": 12, "pulse_ms": PULSE_MS}
        for channel, name in enumerate(names, start=1)
    ]
    path = written(
        folder,
        hardware={"drop_sensor": SENSORS[sensor]},
        slots=slots,
        timing={"drop_timeout_ms": DROP_TIMEOUT_MS},
        safety={"on_no_drop": "try_another_slot" if retries else "fail"},
        relay={"channels": len(names)},
    )
    return load(path)


def started(config: Config, folder: Path) -> World:
    world = World(config)
    world.boot()
    world.wait(2_000)
    return world


@pytest.fixture(params=SENSORS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = started(config(tmp_path, request.param), tmp_path)
    assert world.state is State.IDLE
    yield world
    world.close()


@pytest.fixture
def retrying(tmp_path: Path) -> Iterator[World]:
    """A machine that tries another slot."""
    world = started(config(tmp_path, retries=True), tmp_path)
    yield world
    world.close()


def status(world: World) -> Status:
    assert world.controller is not None
    return world.controller.runner.feed.status


def tap(world: World) -> tuple[str, str]:
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    world.tap(token, page.mark)
    return token, page.mark


def outcomes(world: World) -> list[tuple[str, Outcome | None]]:
    return [(entry.slot, entry.outcome) for entry in world.entries()]


def fallen(world: World) -> list[int]:
    return [seen.channel for seen in world.trace if isinstance(seen, Fell)]


def ons(world: World) -> list[int]:
    """The channels that were told ON, in order."""
    return [s.channel for s in world.trace if isinstance(s, RelaySwitched) and s.on]


# -- what it sees --------------------------------------------------------------------------


def test_a_drink_that_falls_is_dropped(world: World) -> None:
    page = tap(world)
    world.wait(PULSE_MS)
    assert world.state is State.IDLE, "it fell while the motor still turned"
    assert world.fetch(*page).word is Word.ENJOY
    world.wait(1_000)
    assert outcomes(world) == [("water", Outcome.DROPPED)]
    assert fallen(world) == [1]
    assert world.state is State.IDLE


def test_a_drink_that_falls_after_the_pulse_is_dropped(world: World) -> None:
    world.chute._pulse_ms = {1: 1_100, 2: 1_100}  # a motor that turns slower
    page = tap(world)
    world.wait(PULSE_MS)
    assert world.state is State.DISPENSING
    assert world.fetch(*page).word is Word.COMING
    world.wait(FALL_MS)
    assert world.fetch(*page).word is Word.ENJOY
    assert outcomes(world) == [("water", Outcome.DROPPED)]


def test_no_drink_by_the_deadline_is_failed_and_told(world: World) -> None:
    world.jam(1)
    page = tap(world)
    world.wait(PULSE_MS + DROP_TIMEOUT_MS - 1)
    assert world.fetch(*page).word is Word.COMING
    world.wait(1)
    assert world.fetch(*page).word is Word.FAILED
    assert outcomes(world) == [("water", Outcome.FAILED)]
    assert [slot.healthy for slot in status(world).slots] == [False, True]
    assert [slot.remaining for slot in status(world).slots] == [11, 12], "it may be stuck anywhere"
    assert world.state is State.IDLE
    world.load("water", 12)
    world.wait(2_000)
    assert [slot.healthy for slot in status(world).slots] == [True, True]


# -- what is in its way ----------------------------------------------------------------------


def test_a_beam_that_is_blocked_before_the_dispense_is_a_fault_and_no_drop(world: World) -> None:
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    world.block()
    world.tap(token, page.mark)
    assert world.fetch(token, page.mark).word is Word.FAILED
    assert ons(world) == []
    assert world.entries() == [], "no drink was touched"
    assert (status(world).state, status(world).reason) == (
        State.OUT_OF_SERVICE,
        Reason.SENSOR_LOST,
    )
    assert "in the beam" in status(world).detail
    world.block(False)
    world.wait(500)
    assert world.state is State.IDLE
    tap(world)
    world.wait(1_000)
    assert outcomes(world) == [("water", Outcome.DROPPED)]


def test_a_blocked_beam_is_found_while_nobody_is_there(world: World) -> None:
    world.block()
    world.wait(1_500)
    assert status(world).reason is Reason.SENSOR_LOST
    world.wait(60_000)
    assert status(world).reason is Reason.SENSOR_LOST
    world.block(False)
    world.wait(500)
    assert world.state is State.IDLE


def test_a_hand_that_passes_is_no_fault(world: World) -> None:
    """Whenever it comes, for as long as taking a drink out may bring it before the beam twice."""
    for _ in range(20):
        world.block()
        world.wait(190)
        world.block(False)
        world.wait(863)
        assert world.state is State.IDLE


def test_a_machine_that_starts_with_a_blocked_beam_serves_nobody(tmp_path: Path) -> None:
    world = World(config(tmp_path))
    world.block()
    world.boot()
    world.wait(1_000)
    assert status(world).reason is Reason.SENSOR_LOST
    world.block(False)
    world.wait(1_000)
    assert world.state is State.IDLE
    world.close()


def test_the_cable_of_the_adapter_takes_the_sensor_along(tmp_path: Path) -> None:
    world = started(config(tmp_path, "cts"), tmp_path)
    page = tap(world)
    world.wait(100)
    world.unplug()
    world.wait(1_100)
    assert world.fetch(*page).word is Word.UNKNOWN
    assert status(world).reason is Reason.RELAY_LOST
    world.plug()
    world.wait(5_000)
    assert world.state is State.IDLE
    page = tap(world)
    world.wait(1_000)
    assert world.fetch(*page).word is Word.ENJOY
    world.close()


def test_a_sensor_that_is_lost_while_a_drink_falls(tmp_path: Path) -> None:
    """The relay did its part, and nobody can say more."""
    world = started(config(tmp_path, "cts"), tmp_path)
    world.jam(1)
    page = tap(world)
    world.wait(PULSE_MS + 100)
    line = world.wire.lines.pop("cts")
    world.clock.next_ms = lambda: None
    world._look_at_beam()
    world._turns()
    assert world.fetch(*page).word is Word.ENJOY
    assert outcomes(world) == [("water", Outcome.COMMANDED)]
    assert status(world).reason is Reason.SENSOR_LOST
    assert "no line CTS" in status(world).detail
    world.wire.lines["cts"] = line
    world.wait(5_000)
    assert world.state is State.IDLE
    world.close()


# -- another slot ------------------------------------------------------------------------------


def test_another_slot_is_tried_and_the_visitor_hears_once(retrying: World) -> None:
    world = retrying
    world.jam(1)
    page = tap(world)
    world.wait(PULSE_MS + DROP_TIMEOUT_MS)
    assert ons(world) == [1, 2]
    assert world.fetch(*page).word is Word.COMING
    world.wait(PULSE_MS)
    assert world.fetch(*page).word is Word.ENJOY
    assert outcomes(world) == [("water", Outcome.FAILED), ("tea", Outcome.DROPPED)]
    assert [entry.retry_of for entry in world.entries()] == [None, 1]
    world.wait(1_000)
    assert fallen(world) == [2]


def test_a_loop_that_is_stalled_over_the_deadline_gives_no_second_drink(retrying: World) -> None:
    """A disk that hangs, say: the drink was seen to fall in time, and nobody took it in."""
    world = retrying
    world.chute._pulse_ms = {1: 1_100, 2: 1_100}  # it falls when the motor stands already
    page = tap(world)
    world.wait(PULSE_MS)
    world._pass_to(world.now_ms + DROP_TIMEOUT_MS + 1_000)
    world._turns()
    world.wait(20_000)
    assert ons(world) == [1]
    assert world.fetch(*page).word is Word.ENJOY
    assert outcomes(world) == [("water", Outcome.DROPPED)]


def test_a_second_empty_slot_is_the_end_of_it(retrying: World) -> None:
    world = retrying
    world.jam(1, 2)
    page = tap(world)
    world.wait(2 * (PULSE_MS + DROP_TIMEOUT_MS))
    assert world.fetch(*page).word is Word.FAILED
    assert ons(world) == [1, 2]
    assert outcomes(world) == [("water", Outcome.FAILED), ("tea", Outcome.FAILED)]
    assert status(world).reason is Reason.NO_SLOT_TO_TRUST
    world.wait(60_000)
    assert ons(world) == [1, 2]


def test_a_third_slot_is_never_tried(tmp_path: Path) -> None:
    names = ("water", "tea", "juice")
    world = started(config(tmp_path, retries=True, names=names), tmp_path)
    world.jam(1, 2, 3)
    tap(world)
    world.wait(60_000)
    assert ons(world) == [1, 2]
    assert world.state is State.IDLE
    tap(world)
    world.wait(60_000)
    assert ons(world) == [1, 2, 3], "the next visitor gets what is left to trust"
    world.close()


def test_without_leave_no_other_slot_is_tried(world: World) -> None:
    world.jam(1)
    tap(world)
    world.wait(20_000)
    assert ons(world) == [1]


@pytest.mark.parametrize("at_ms", [100, PULSE_MS + 100, PULSE_MS + DROP_TIMEOUT_MS + 100])
def test_a_power_cut_never_leads_to_a_third_pulse(retrying: World, at_ms: int) -> None:
    world = retrying
    world.jam(1)
    page = tap(world)
    world.wait(at_ms)
    before = ons(world)
    world.cut_power()
    world.boot()
    world.wait(60_000)
    assert ons(world) == before
    world.race([page, page])
    world.wait(60_000)
    assert ons(world) == before
    assert world.fetch(*page).word is Word.UNKNOWN, "of the last try"


def test_the_lost_first_try_is_on_disk_before_the_second(retrying: World) -> None:
    """The journal is locked at that moment: then nobody tries anything."""
    world = retrying
    world.jam(1)
    page = tap(world)
    world.wait(PULSE_MS + 100)
    world.lock_journal()
    world.wait(DROP_TIMEOUT_MS)
    assert ons(world) == [1]
    assert world.fetch(*page).word is Word.FAILED
    world.unlock_journal()
    world.wait(10_000)
    assert ons(world) == [1]
    assert outcomes(world) == [("water", Outcome.FAILED)]


def test_the_watchers_see_a_second_drink_and_books_that_are_not_true(tmp_path: Path) -> None:
    """A controller that looks away, and the onlooker knows better."""
    world = started(config(tmp_path, retries=True), tmp_path)
    told: list[Violation] = []
    world.properties.on_violation = told.append
    tap(world)
    assert world.controller is not None
    world.controller.runner.beam.watch.look = lambda now_ms: None  # type: ignore[method-assign]
    world.wait(20_000)
    world.close()
    untrue, second, *_ = map(str, told)
    assert re.match("S5 the books balance: .* dispense 1 fell, and the books deny it", untrue)
    assert re.match("S2 one scan, one drink: .* a second pulse", second)


def test_a_can_of_which_a_blind_sensor_saw_the_end_counts_as_unseen(tmp_path: Path) -> None:
    world = started(config(tmp_path), tmp_path)
    tap(world)
    world.chute.blind = True
    in_ms = world.chute.next_ms()
    assert in_ms is not None
    world.wait(in_ms + 1 - world.now_ms)
    world.chute.blind = False
    world.wait(20_000)
    assert [seen.unseen for seen in world.trace if isinstance(seen, Fell)] == [True]
    world.close()


def test_nobody_is_blamed_for_a_drink_that_a_blind_sensor_could_not_see(tmp_path: Path) -> None:
    """It costs a second one: docs/hardware/drop-sensor.md says so."""
    world = started(config(tmp_path, retries=True), tmp_path)
    tap(world)
    world.chute.blind = True
    world.wait(20_000)
    assert ons(world) == [1, 2]
    world.close()


def test_the_journal_itself_refuses_a_second_retry(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "quench.db")) as journal:
        journal.ensure_slot("water", 5)
        journal.intend(1, "water", "digest")
        with pytest.raises(JournalError, match="not known to have failed"):
            journal.intend(2, "water", "", retry_of=1)
        journal.settle(1, Outcome.FAILED, False)
        journal.intend(2, "water", "", retry_of=1)
        journal.settle(2, Outcome.FAILED, False)
        with pytest.raises(JournalError, match="UNIQUE"):
            journal.intend(3, "water", "", retry_of=1)
        (book,) = journal.books()
        assert (book.remaining, book.failed, book.unknown) == (3, 2, 0)


def test_the_operator_sees_the_second_try(tmp_path: Path, retrying: World) -> None:
    retrying.jam(1)
    tap(retrying)
    retrying.wait(20_000)
    retrying.stop()
    retrying.disk.save(tmp_path)
    with quench("journal", "--config", tmp_path / "config.yaml") as program:
        assert program.end() == 0
    first, second = program.said.splitlines()[1:]
    assert first.split()[-2:] == ["water", "failed"]
    assert second.endswith("tea             dropped          second try of 1")


# -- the watch -----------------------------------------------------------------------------------


class Beam:
    """A sensor in a test's hand."""

    def __init__(self) -> None:
        self.now: bool | SensorError = False

    def broken(self) -> bool:
        if isinstance(self.now, SensorError):
            raise self.now
        return self.now

    def close(self) -> None: ...


def test_a_break_counts_when_it_has_lasted() -> None:
    beam, watch = Beam(), DropWatch(DEBOUNCE_MS)
    watch.arm(7, beam)
    for now_ms, broken in enumerate([True] * 5 + [False] + [True] * 5):
        beam.now = broken
        watch.look(now_ms)
        assert not watch.news
    watch.look(11)
    assert watch.take() == Dropped(7)
    assert watch.take() is None
    watch.look(12)
    assert not watch.news, "once is enough"


def test_a_watch_that_is_disarmed_looks_at_nothing() -> None:
    beam, watch = Beam(), DropWatch(0)
    watch.arm(7, beam)
    watch.disarm()
    beam.now = SensorError("closed")
    watch.look(0)
    assert not watch.news


def test_a_sensor_that_fails_is_told_once() -> None:
    beam, watch, woken = Beam(), DropWatch(0, wake=lambda: woken.append(1)), []  # type: ignore[var-annotated]
    watch.arm(7, beam)
    beam.now = SensorError("gone")
    watch.look(0)
    watch.look(1)
    assert watch.take() == SensorLost("gone")
    assert woken == [1]


def test_a_thread_that_was_kept_from_looking_says_for_how_long() -> None:
    class Overloaded(VirtualClock):
        """This computer lets a thread sleep for longer than it wants, once."""

        spans_ms = iter([2, GAP_MS, 3 * GAP_MS, 2, 2])

        def sleep_ms(self, span_ms: int) -> None:
            super().sleep_ms(next(self.spans_ms))
            gaps_ms.append(watch.gap_ms)
            if self.now_ms() > 4 * GAP_MS + 4:
                watch.end()

    gaps_ms: list[int] = []
    watch = DropWatch(DEBOUNCE_MS)
    watch.arm(7, Beam())
    watch.run(Overloaded())
    assert gaps_ms == [0, 0, 0, 3 * GAP_MS, 3 * GAP_MS]
    watch.arm(8, Beam())
    assert watch.gap_ms == 0


def test_nobody_is_blamed_for_a_drink_that_nobody_looked_for(retrying: World) -> None:
    world = retrying
    world.jam(1)
    page = tap(world)
    world.wait(PULSE_MS + DROP_TIMEOUT_MS - 1)
    assert world.controller is not None
    world.controller.runner.beam.watch._gap_ms = 63  # as its thread would, had it been kept
    told: list[str] = []
    world.controller.runner.feed.subscribe(lambda status: told.append(status.detail))
    world.wait(20_000)
    assert told[0].startswith("nobody looked at the beam for 63 ms")
    assert ons(world) == [1]
    assert world.fetch(*page).word is Word.ENJOY
    assert outcomes(world) == [("water", Outcome.COMMANDED)]
    assert [slot.healthy for slot in status(world).slots] == [True, True]
    assert world.state is State.IDLE


def test_the_beam_breaks_when_the_drink_has_come_down() -> None:
    clock = VirtualClock()
    chute = Chute({1: 1_000}, clock)
    sensor = SimulatedSensor(chute)
    chute.switched(Switched(0, 1, True, commanded=True))
    moments = []
    while (next_ms := chute.next_ms()) is not None:
        clock.advance_to(next_ms)
        moments.append((clock.now_ms(), sensor.broken()))
    assert moments == [(600 + FALL_MS, True), (600 + FALL_MS + BREAK_MS, False)]
    chute.switched(Switched(2_000, 1, True, commanded=True))
    chute.switched(Switched(2_599, 1, False, commanded=True))
    assert chute.next_ms() is None, "the motor stood before the drink was over the edge"


# -- the drivers -----------------------------------------------------------------------------


def relay() -> object:
    return object()


@pytest.mark.parametrize("when_high", [False, True])
def test_a_beam_on_a_pin(header: MockFactory, when_high: bool) -> None:
    settings = SensorSettings("gpio", pin=4, broken_when_high=when_high)
    sensor = open_sensor(settings, relay())  # type: ignore[arg-type]
    pin = header.pin(4)
    assert pin.pull == ("down" if when_high else "up"), "so that a cable that is off is no beam"
    assert sensor.broken() is False
    for high in (True, False, True):
        (pin.drive_high if high else pin.drive_low)()
        assert sensor.broken() is (high is when_high)
    sensor.close()
    with pytest.raises(SensorError, match="pin 4: can't be read"):
        sensor.broken()
    open_sensor(settings, relay()).close()  # type: ignore[arg-type]


def test_a_pin_that_is_in_use(header: MockFactory) -> None:
    settings = SensorSettings("gpio", pin=4)
    first = open_sensor(settings, relay())  # type: ignore[arg-type]
    with pytest.raises(SensorError, match="pin 4: in use by another program"):
        open_sensor(settings, relay())  # type: ignore[arg-type]
    first.close()


def test_a_line_needs_a_serial_adapter() -> None:
    with pytest.raises(SensorError, match="CTS: the relay is on no serial adapter"):
        open_sensor(SensorSettings("serial-line", line="cts"), relay())  # type: ignore[arg-type]


def test_a_real_port_without_lines(tmp_path: Path) -> None:
    """A pty has none, and says so itself (errno 25)."""
    with quench("board", "lcus", "--link", tmp_path / "board") as program:
        program.wait_for("^quench: lcus board")
        settings = RelaySettings("lcus", str(tmp_path / "board"), range(1, 3))
        adapter = open_with_off(registry.load("lcus"), settings, MonotonicClock())
        sensor = open_sensor(SensorSettings("serial-line", line="dsr"), adapter)
        with pytest.raises(SensorError, match="board: this port has no line DSR"):
            sensor.broken()
        adapter.close()


# -- the real programs -----------------------------------------------------------------------


def test_the_real_machine_without_its_sensor_says_so_and_teaches(tmp_path: Path) -> None:
    hardware = {"drop_sensor": {"driver": "serial-line", "line": "cts"}}
    with machine(tmp_path, hardware=hardware) as (controller, board, _):
        controller.wait_for("out of service: sensor_lost: .*board: this port has no line CTS")
        assert controller.stop() == 0
        assert "A0 01 01" not in board.hear()
    assert "Traceback" not in controller.said


@pytest.mark.parametrize("sensor", SENSORS)
def test_the_simulator_sees_its_drinks_fall(tmp_path: Path, sensor: str) -> None:
    """Real threads and real time: the beam is broken for 40 ms while the loop is elsewhere.

    A computer that is too busy to look for as long says so, and never that none fell.
    """
    with simulated(tmp_path, hardware={"drop_sensor": SENSORS[sensor]}) as phone:
        path = phone.code()
        phone.tap(path, phone.await_dwell(path))
        seen = "^quench: dispense 1: dropped$"
        phone.program.wait_for(f"{seen}|sensor_lost: nobody looked at the beam for")


MISTAKES = [
    ({"driver": "gpio"}, "drop_sensor.pin: key missing: gpio needs it"),
    ({"driver": "gpio", "pin": 28}, "drop_sensor.pin: 28 is out of bounds; allowed: 0 to 27"),
    ({"driver": "gpio", "pin": 4, "line": "cts"}, "drop_sensor.line: only serial-line has it"),
    ({"driver": "serial-line"}, "drop_sensor.line: key missing: serial-line needs it"),
    ({"driver": "serial-line", "line": "rts"}, "drop_sensor.line: 'rts' is not known; allowed:"),
    ({"driver": "none", "pin": 4}, "drop_sensor.pin: only gpio has it"),
    ({"driver": "none", "debounce_ms": 101}, "debounce_ms: 101 is out of bounds; allowed: 0 to"),
]


@pytest.mark.parametrize(("sensor", "told"), MISTAKES)
def test_mistakes_in_the_config(tmp_path: Path, sensor: dict[str, object], told: str) -> None:
    path = written(tmp_path, hardware={"drop_sensor": sensor})
    with quench("check", "--config", path) as program:
        assert program.end() == 78
    (line,) = program.said.splitlines()
    assert told in line


def test_one_pin_cannot_be_two_things(tmp_path: Path) -> None:
    hardware = {"relay": {"driver": "gpio"}, "drop_sensor": {"driver": "gpio", "pin": 17}}
    slots = [{"name": "water", "channel": 17, "capacity": 5, "pulse_ms": 700}]
    with quench("check", "--config", written(tmp_path, hardware=hardware, slots=slots)) as program:
        assert program.end() == 78
    (line,) = program.said.splitlines()
    assert "drop_sensor.pin: pin 17 is the channel of slots[0] already; allowed: another" in line


def test_pins_have_no_lines(tmp_path: Path) -> None:
    hardware = {"relay": {"driver": "gpio"}, "drop_sensor": SENSORS["cts"]}
    with quench("check", "--config", written(tmp_path, hardware=hardware)) as program:
        assert program.end() == 78
    (line,) = program.said.splitlines()
    told = "drop_sensor.driver: relays on pins have no adapter with lines; allowed: gpio, none"
    assert told in line


def test_trying_another_slot_needs_a_sensor(tmp_path: Path) -> None:
    path = written(tmp_path, safety={"on_no_drop": "try_another_slot"})
    with quench("check", "--config", path) as program:
        assert program.end() == 78
    (line,) = program.said.splitlines()
    assert "safety.on_no_drop: without a drop sensor nobody sees that none fell" in line
