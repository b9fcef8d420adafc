"""What the two figures of a tap have in common: their baseline, their target, their row."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bench.bare_tap import BareTap
from bench.report import Row
from bench.rounds import alternate

MOST_RATIO = 1.5
TAPS = 200
WARM_UP = 10


def compare(folder: Path, tap: Callable[[], float], figure: str, how: str) -> Row:
    """``tap`` makes one visit and returns the seconds from the tap to the first byte."""
    with closing(BareTap(folder)) as bare:
        pairs = alternate(TAPS, tap, bare.tap, warm_up=WARM_UP)
    return Row(
        figure=figure,
        ours=f"{pairs.our_median * 1000:.2f} ms",
        baseline="one SQLite commit + one pyserial write",
        bare=f"{pairs.bare_median * 1000:.2f} ms",
        ratio=pairs.ratio,
        target=f"at most {MOST_RATIO}",
        met=pairs.ratio <= MOST_RATIO,
        how=f"{how} {TAPS} taps, each a visit of its own, in turn with the baseline: the same"
        " statements in a database of the same schema in the same folder (WAL,"
        " `synchronous=FULL`), then the same four bytes through pyserial into a pty, until the"
        " first can be read at its other end. Medians.",
    )
