"""Figures: how quick a campaign is, what a second worker brings, and whether memory stays flat.

``python -m bench.campaign`` runs a million visits; ``make bench`` takes a small part of that.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.report import Row
from bench.rounds import alternate
from controller.clock import MonotonicClock
from sim.campaign import Summary, campaign
from sim.plan import Choice

CLOCK = MonotonicClock()
MILLION = 1_000_000
MOST_MINUTES = 10
LEAST_GAIN = 1.8
MOST_GROWTH = 1.1
WORKERS = 2
ROUNDS = 2
VISITS = 24_000
SETTLED = 10_000
"""After so many visits memory must have come to rest."""
FOLLOWED = 40_000


def measure(folder: Path) -> list[Row]:
    seconds = alternate(ROUNDS, lambda: _took_s(WORKERS), lambda: _took_s(1), warm_up=0)
    per_s = VISITS / seconds.our_median
    minutes = MILLION / per_s / 60
    gain = 1 / seconds.ratio
    early, late = _resident(FOLLOWED)
    return [
        Row(
            figure=f"{MILLION:,} visits with faults",
            ours=f"{minutes:.1f} min",
            baseline="the time allowed",
            bare=f"{MOST_MINUTES} min",
            ratio=minutes / MOST_MINUTES,
            target=f"at most {MOST_MINUTES} min",
            met=minutes <= MOST_MINUTES,
            how=f"From the rate of `quench fuzz --visits {VISITS} --workers {WORKERS}`, with all"
            f" dialects and faults: {per_s:,.0f} visits per second."
            " `python -m bench.campaign` does them all.",
        ),
        Row(
            figure="Two workers",
            ours=f"{seconds.our_median:.1f} s",
            baseline="one worker",
            bare=f"{seconds.bare_median:.1f} s",
            ratio=gain,
            target=f"at least {LEAST_GAIN} times as quick",
            met=gain >= LEAST_GAIN,
            how=f"The same {VISITS:,} visits, {ROUNDS} times each in turn, medians.",
        ),
        Row(
            figure="Memory of a campaign",
            ours=f"{late / 1e6:.1f} MB after {FOLLOWED:,} visits",
            baseline=f"after {SETTLED:,}",
            bare=f"{early / 1e6:.1f} MB",
            ratio=late / early,
            target=f"at most {MOST_GROWTH}",
            met=late / early <= MOST_GROWTH,
            how="Resident set (`VmRSS`) of the one process that runs them.",
        ),
    ]


def _took_s(workers: int) -> float:
    began_s = time.perf_counter()
    summary = campaign(1, Choice(), visits=VISITS, workers=workers, clock=CLOCK)
    assert summary.ok, summary.violated
    return time.perf_counter() - began_s


def _resident(
    visits: int, tell: Callable[[Summary], None] = lambda summary: None
) -> tuple[int, int]:
    """Bytes after SETTLED visits and at the end, of this process as it runs them."""
    early = 0

    def told(summary: Summary) -> None:
        nonlocal early
        if not early and summary.visits >= SETTLED:
            early = _bytes()
        tell(summary)

    summary = campaign(1, Choice(), visits=visits, tell=told, clock=CLOCK)
    assert summary.ok, summary.violated
    return early, _bytes()


def _bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """All of them, by two workers; then again by one, whose memory is followed."""
    summary = campaign(1, Choice(), visits=MILLION, workers=WORKERS, clock=CLOCK)
    print(
        f"{summary.visits:,} visits by {WORKERS} workers: {summary.took_s / 60:.1f} minutes,"
        f" {len(summary.violated)} violations, trace hash {summary.hashed}",
        flush=True,
    )
    early, late = _resident(MILLION)
    print(f"resident: {early / 1e6:.1f} MB after {SETTLED:,}, {late / 1e6:.1f} MB at the end")
    return 0 if summary.ok and late <= MOST_GROWTH * early else 1


if __name__ == "__main__":
    sys.exit(main())
