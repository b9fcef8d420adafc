"""Figure: from spawning ``quench run`` to its line ``quench: ready at``.

The board is ``quench board lcus`` on a pty, and the config is the repository's.
"""

import time
from pathlib import Path

from bench import bare_start, third_party
from bench.config import written
from bench.program import PYTHON, QUENCH, READY, Program, running
from bench.report import Row
from bench.rounds import alternate

MOST_RATIO = 1.5
ROUNDS = 15


def measure(folder: Path) -> list[Row]:
    link = folder / "board"
    config = written(folder, link)
    with running(QUENCH, "board", "lcus", "--link", link) as board:
        board.wait_for(r"board with \d+ channels at")
        modules = third_party.modules(config)
        pairs = alternate(
            ROUNDS,
            lambda: _ready_s(QUENCH, "run", "--config", config),
            lambda: _ready_s(PYTHON, bare_start.__file__, *modules),
        )
    return [
        Row(
            figure="Start to ready",
            ours=f"{pairs.our_median * 1000:.0f} ms",
            baseline="importing the same packages",
            bare=f"{pairs.bare_median * 1000:.0f} ms",
            ratio=pairs.ratio,
            target=f"at most {MOST_RATIO}",
            met=pairs.ratio <= MOST_RATIO,
            how="From spawning `quench run` to its line `quench: ready at`, with the repository's"
            " config (but for paths, port and host) and `quench board lcus` on a pty. The"
            f" baseline is a Python process that imports the {len(modules)} third-party modules"
            " which `quench run` was seen to load, binds a socket and prints a line."
            f" {ROUNDS} rounds in turn, medians.",
        )
    ]


def _ready_s(*command: str | Path) -> float:
    began_s = time.perf_counter()
    program = Program(*command)
    try:
        program.wait_for(READY)
        return time.perf_counter() - began_s
    finally:
        program.stop()
