"""One check, run in a copy by a Python of its own: how it ended, and what it found."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.mutants import witness
from tests.mutants.checks import Check

_PORTS_FROM = 4
"""Tests take ports by the number of their worker: far from those of a ``make test`` meanwhile."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A check that has been run."""

    check: Check
    code: int | None
    """Its exit code; None if it had to be ended because it took too long."""
    seconds: float
    notes: tuple[tuple[str, str], ...]
    """What the witness noted, if it was one of pytest."""
    said: str

    @property
    def green(self) -> bool:
        return self.code == 0

    @property
    def killer(self) -> str | None:
        """What found the mutant; None if it was no check that failed, but something before it."""
        if self.code is None:
            running = [what for kind, what in self.notes if kind == "began"]
            return f"timeout in {running[-1] if running else self.check.name}"
        failed = [what for kind, what in self.notes if kind == "failed"]
        if failed:
            return failed[0]
        return self.check.name if self.code == 1 and not self.notes else None

    @property
    def why_void(self) -> str | None:
        """Why this run proves nothing, whatever came of it; None if it is as it should be."""
        for kind, what in self.notes:
            if kind in ("uncollected", "elsewhere"):
                return f"{kind}: {what}"
        return None


_running: set[int] = set()


def run(check: Check, copy: Path, *, worker: int, limit_s: float | None = None) -> Ran:
    """Run ``check`` in ``copy``, and end it after ``limit_s``, with all that it started."""
    notes, said = copy.parent / "notes", copy.parent / "said"
    notes.unlink(missing_ok=True)
    began_s = time.monotonic()
    with said.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [sys.executable, *check.command],
            cwd=copy,
            env=_surroundings(copy, notes, worker),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        _running.add(process.pid)
        try:
            code: int | None = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process.pid)
            process.wait()
    return Ran(
        check,
        code,
        time.monotonic() - began_s,
        _read(notes),
        said.read_text(encoding="utf-8", errors="replace"),
    )


def end_all() -> None:
    """End whatever runs, in any thread."""
    for pid in tuple(_running):
        _end(pid)


def _end(group: int) -> None:
    """A test that fails may leave programs behind, and one that is ended does."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    _running.discard(group)


def _surroundings(copy: Path, notes: Path, worker: int) -> dict[str, str]:
    """The environment in which everything, also what a test starts, imports from ``copy``."""
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"},
        "PYTHONPATH": str(copy),
        # Bytecode is told from its source by size and second: a mutant may well keep both.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_XDIST_WORKER": f"gw{_PORTS_FROM + worker}",
        "HYPOTHESIS_PROFILE": "ci",
        witness.VARIABLE: str(notes),
    }


def _read(notes: Path) -> tuple[tuple[str, str], ...]:
    if not notes.exists():
        return ()
    lines = notes.read_text(encoding="utf-8").splitlines()
    return tuple((kind, what) for kind, what in map(json.loads, lines))
