"""A program: the emulated board of a dialect on a pty, silent but for its path. Until SIGTERM."""

import sys

from controller.clock import MonotonicClock
from sim import boards
from sim.pty_board import PtyBoard

CHANNELS = 1


def main(dialect: str) -> None:
    pty = PtyBoard(boards.base.load(dialect)(CHANNELS), MonotonicClock())
    print(f"board at {pty.path}", flush=True)
    while True:
        pty.turn(wait_ms=1_000)


if __name__ == "__main__":
    main(sys.argv[1])
