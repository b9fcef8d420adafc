"""Figure: what ``quench run`` holds in memory when nobody is there."""

import time
from contextlib import closing
from pathlib import Path

from bench import bare_start, third_party
from bench.config import written
from bench.phone import Phone
from bench.program import PYTHON, QUENCH, READY, running
from bench.report import Row
from bench.rounds import alternate

MOST_MB = 56
MB = 1_000_000
MIB = 1024 * 1024
ROUNDS = 3
IDLE_S = 2


def measure(folder: Path) -> list[Row]:
    link = folder / "board"
    config = written(folder, link)
    with running(QUENCH, "board", "lcus", "--link", link) as board:
        board.wait_for(r"board with \d+ channels at")
        modules = third_party.modules(config)
        pairs = alternate(
            ROUNDS, lambda: _idle_bytes(config), lambda: _bare_bytes(modules), warm_up=0
        )
    return [
        Row(
            figure="Memory, idle",
            ours=_said(pairs.our_median),
            baseline="importing the same packages",
            bare=_said(pairs.bare_median),
            ratio=pairs.ratio,
            target=f"at most {MOST_MB} MB (10^6 bytes)",
            met=pairs.our_median <= MOST_MB * MB,
            how="Resident set (`VmRSS`) of `quench run` with the repository's config and"
            " `quench board lcus` on a pty, after the screen, the QR code and a warning page were"
            f" fetched and {IDLE_S} s went by. The baseline is the process of the start's."
            f" {ROUNDS} rounds in turn, medians.",
        )
    ]


def _idle_bytes(config: Path) -> float:
    with running(QUENCH, "run", "--config", config) as controller:
        with closing(Phone(controller.wait_for(READY).group(1))) as phone:
            phone.get("/")
            phone.open(phone.scan())
        time.sleep(IDLE_S)
        return controller.resident_bytes()


def _bare_bytes(modules: list[str]) -> float:
    with running(PYTHON, bare_start.__file__, *modules) as bare:
        bare.wait_for(READY)
        time.sleep(IDLE_S)
        return bare.resident_bytes()


def _said(size: float) -> str:
    return f"{size / MB:.1f} MB = {size / MIB:.1f} MiB"
