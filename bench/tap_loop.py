"""Figure: from a tap at the door to the first relay byte, in one process.

The loop runs in its thread as it does in the machine, with the journal on disk
and the LCUS driver on a pty. Left out are the web, and the dwell and the pulse:
the clock jumps over both, so that tap follows tap and neither the processor
nor the disk falls asleep in between.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_bytes

from bench.config import DWELL_MS, PULSE_MS, written_for_many_taps
from bench.program import PATIENCE_S
from bench.pty_board import OFF, ON, PtyBoard
from bench.report import Row
from bench.tap_row import compare
from controller.assembly import Controller, assemble
from controller.config import Config, load
from controller.door import Word
from controller.inbox import Letter
from controller.journal import Journal
from controller.report import Report
from controller.runner import serve
from controller.status import Status
from controller.table import State
from drivers import registry
from drivers.hal import open_with_off
from drivers.sensors import open_sensor
from sim.clock import VirtualClock

MOST_RATIO = 1.5


def measure(folder: Path) -> list[Row]:
    with closing(PtyBoard()) as board:
        config = load(written_for_many_taps(folder, board.path))
        clock = VirtualClock()
        with _loop(config, clock) as controller:
            visitor = _Visitor(controller, board, clock)
            row = compare(
                folder,
                visitor.visit,
                figure="Tap to first relay byte",
                most_ratio=MOST_RATIO,
                how="From the tap at `controller.door` to the first byte of ON being readable at"
                " the board's end of the pty; the loop runs in its own thread. The clock jumps"
                " over dwell and pulse, so that tap follows tap.",
            )
    return [row]


class _Visitor:
    """Comes again and again, to the door directly."""

    def __init__(self, controller: Controller, board: PtyBoard, clock: VirtualClock) -> None:
        self._controller = controller
        self._board = board
        self._clock = clock
        self._token = ""
        self._board.heard(OFF)  # the machine's start

    def visit(self) -> float:
        """One drink; the seconds from the tap to the first byte of ON."""
        door = self._controller.door
        self._token = self._next_token()
        page = door.look(self._token)
        assert page.word is Word.FORM, page
        door.shown(self._token, page.mark)
        self._await(lambda status: status.state is State.WARNED)
        self._pass(DWELL_MS)
        began_s = time.perf_counter()
        door.tap(self._token, page.mark, lambda: None)
        heard_s = self._board.heard(ON)
        self._await(lambda status: status.state is State.DISPENSING)
        self._pass(PULSE_MS)
        self._board.heard(OFF)
        return heard_s - began_s

    def _next_token(self) -> str:
        return self._await(lambda status: status.token not in ("", self._token)).token

    def _pass(self, span_ms: int) -> None:
        self._clock.advance_to(self._clock.now_ms() + span_ms)
        self._controller.inbox.put(Letter(()))

    def _await(self, wanted: Callable[[Status], bool]) -> Status:
        end_s = time.monotonic() + PATIENCE_S
        while not wanted(status := self._controller.runner.feed.status):
            assert time.monotonic() < end_s, f"it stays {status}"
            time.sleep(0.0002)
        return status


@contextmanager
def _loop(config: Config, clock: VirtualClock) -> Iterator[Controller]:
    """A controller whose loop runs in a thread until the end."""
    made: Future[Controller] = Future()
    stopping = threading.Event()
    thread = threading.Thread(target=_run, args=(config, clock, made, stopping.is_set), daemon=True)
    thread.start()
    controller = made.result(PATIENCE_S)
    try:
        yield controller
    finally:
        stopping.set()
        controller.inbox.put(Letter(()))
        thread.join(PATIENCE_S)


def _run(
    config: Config,
    clock: VirtualClock,
    made: Future[Controller],
    stopping: Callable[[], bool],
) -> None:
    driver = registry.load(config.hardware.relay.driver)
    report = Report()
    try:
        with closing(Journal(Path(config.journal.path))) as journal:
            controller = assemble(
                config,
                journal,
                lambda settings: open_with_off(driver, settings, clock),
                open_sensor,
                clock=clock,
                random_bytes=token_bytes,
                listeners=(report.watch,),
            )
            controller.runner.feed.subscribe(report.status)
            made.set_result(controller)
            serve(controller.runner, controller.inbox, clock, stopping)
    except BaseException as error:
        if made.done():
            raise
        made.set_exception(error)
