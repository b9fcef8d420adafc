"""``quench sim --tui``: a terminal as the face of a play. It has the main thread."""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from controller.errors import QuenchError, UsageError
from controller.process import Signals
from sim.desk import Desk
from sim.sim_program import Face, Stopping
from sim.tui.held import held_log

MISSING = "--tui needs textual, which is not installed; do: pip install 'quench[tui]'"


def face() -> Face:
    """This terminal's. Raises UsageError if there is none, and QuenchError without textual."""
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or not stream.isatty():
            raise UsageError(f"--tui needs a terminal, and {name} is none; leave --tui out")
    try:
        from sim.tui.app import Tui
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "textual":
            raise
        raise QuenchError(MISSING) from None

    def show(desk: Desk, url: str, play: Callable[[Stopping], None]) -> None:
        signals, enough = Signals(), threading.Event()
        with held_log(), ThreadPoolExecutor(1, "session") as threads:
            playing = threads.submit(play, enough.is_set)
            tui = Tui(desk, url, lambda: bool(signals.received) or playing.done())
            try:
                # Until it plays, it may end with an error that belongs in a plain terminal.
                wait([playing, desk.pace.wish(lambda: None)], return_when=FIRST_COMPLETED)
                if not playing.done():
                    tui.run()
            finally:
                enough.set()
                desk.pace.wake()
            playing.result()
        if tui.return_code:
            raise QuenchError("the terminal's face broke; see above")

    return show
