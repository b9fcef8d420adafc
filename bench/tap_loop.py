"""Figure: from a tap's letter in the inbox to the first relay byte, in one process.

The loop runs in its thread as it does in the machine, with the journal on disk
and the LCUS driver on a pty; only the web is left out.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_bytes

from bench.config import DWELL_MS, written_for_many_taps
from bench.program import PATIENCE_S
from bench.pty_board import OFF, ON, PtyBoard
from bench.report import Row
from bench.tap_row import compare
from controller.assembly import Controller, assemble
from controller.clock import MonotonicClock
from controller.config import Config, load
from controller.door import Word
from controller.inbox import Letter
from controller.journal import Journal
from controller.report import Report
from controller.runner import serve
from drivers import registry

READ_S = (DWELL_MS + 10) / 1000
"""How long a visitor reads; the clocks round to whole milliseconds."""


def measure(folder: Path) -> list[Row]:
    with closing(PtyBoard()) as board:
        config = load(written_for_many_taps(folder, board.path))
        with _loop(config) as controller:
            visitor = _Visitor(controller, board)
            row = compare(
                folder,
                visitor.visit,
                "Tap to first relay byte, from the inbox",
                "From the tap's letter being put into the inbox to the first byte of ON being"
                " readable at the board's end of the pty; the loop runs in its own thread.",
            )
            visitor.leave()
    return [row]


class _Visitor:
    """Comes again and again, to the door directly."""

    def __init__(self, controller: Controller, board: PtyBoard) -> None:
        self._controller = controller
        self._board = board
        self._token = ""
        self._board.heard(OFF)  # the machine's start

    def visit(self) -> float:
        """One drink; the seconds from the tap to the first byte of ON."""
        if self._token:
            self.leave()
        door = self._controller.door
        self._token = self._next_token()
        page = door.look(self._token)
        assert page.word is Word.FORM, page
        time.sleep(READ_S)
        began_s = time.perf_counter()
        door.tap(self._token, page.mark, lambda: None)
        return self._board.heard(ON) - began_s

    def leave(self) -> None:
        """Wait until the relay is told OFF."""
        self._board.heard(OFF)

    def _next_token(self) -> str:
        end_s = time.monotonic() + PATIENCE_S
        while (token := self._controller.runner.feed.status.token) in ("", self._token):
            assert time.monotonic() < end_s, "no new code came"
            time.sleep(0.001)
        return token


@contextmanager
def _loop(config: Config) -> Iterator[Controller]:
    """A controller whose loop runs in a thread until the end."""
    made: Future[Controller] = Future()
    stopping = threading.Event()
    thread = threading.Thread(target=_run, args=(config, made, stopping.is_set), daemon=True)
    thread.start()
    controller = made.result(PATIENCE_S)
    try:
        yield controller
    finally:
        stopping.set()
        controller.inbox.put(Letter(()))
        thread.join(PATIENCE_S)


def _run(config: Config, made: Future[Controller], stopping: Callable[[], bool]) -> None:
    clock = MonotonicClock()
    driver = registry.load(config.hardware.relay.driver)
    report = Report()
    try:
        with closing(Journal(Path(config.journal.path))) as journal:
            controller = assemble(
                config,
                journal,
                lambda settings: driver.open_relay(settings, clock),
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
