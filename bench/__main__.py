"""Measure every figure and write docs/benchmarks.md; exit 1 if a target is missed."""

import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import (
    campaign,
    core,
    dialects,
    memory,
    page,
    panel,
    replug,
    start,
    tap_http,
    tap_loop,
    visit,
)
from bench.report import REPORT, Row, render
from bench.wrk import WrkMissing

FIGURES: tuple[Callable[[Path], list[Row]], ...] = (
    page.measure,
    tap_loop.measure,
    tap_http.measure,
    start.measure,
    memory.measure,
    core.measure,
    visit.measure,
    campaign.measure,
    dialects.measure,
    replug.measure,
    panel.measure,
)

DISK = "/var/tmp"
"""Where the journals lie while they are measured; /tmp is memory on many systems."""


def main() -> int:
    # So that what was started is stopped, and what was written removed.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    began_s = time.monotonic()
    rows: list[Row] = []
    for measure in FIGURES:
        with tempfile.TemporaryDirectory(prefix="quench-bench-", dir=DISK) as folder:
            try:
                found = measure(Path(folder))
            except WrkMissing as error:
                print(f"bench: {error}", file=sys.stderr)
                return 1
        for row in found:
            print(f"{row.met_word:4} {row.figure}: {row.ours}, {row.said_ratio}", flush=True)
        rows += found
    REPORT.write_text(render(rows, took_s=time.monotonic() - began_s), encoding="utf-8")
    missed = [row.figure for row in rows if not row.met]
    print(f"written: docs/{REPORT.name}")
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
