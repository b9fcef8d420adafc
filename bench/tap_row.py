"""What the two figures of a tap have in common: their baseline, their row."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bench.bare_tap import BareTap
from bench.report import Row
from bench.rounds import alternate

TAPS = 200
WARM_UP = 10


def compare(
    folder: Path,
    tap: Callable[[], float],
    *,
    figure: str,
    how: str,
    most_ratio: float | None = None,
    pause_s: float = 0,
) -> Row:
    """``tap`` makes one visit and returns the seconds from the tap to the first byte.

    ``pause_s``: how long the baseline sleeps before each, if the visit does.
    """
    with closing(BareTap(folder, pause_s)) as bare:
        pairs = alternate(TAPS, tap, bare.tap, warm_up=WARM_UP)
    return Row(
        figure=figure,
        ours=f"{pairs.our_median * 1000:.2f} ms",
        baseline="one SQLite commit + one pyserial write",
        bare=f"{pairs.bare_median * 1000:.2f} ms",
        ratio=pairs.ratio,
        target="told, not judged" if most_ratio is None else f"at most {most_ratio}",
        met=most_ratio is None or pairs.ratio <= most_ratio,
        how=f"{how} {TAPS} taps, each a visit of its own, in turn with the baseline: the same"
        " statements in a database of the same schema in the same folder (WAL,"
        " `synchronous=FULL`), then the same four bytes through pyserial into a pty, until the"
        " first can be read at its other end. Medians.",
    )
