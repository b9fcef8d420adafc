"""A mutant before its checks: found, or not, or of no use."""

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.mutants import copies
from tests.mutants.catalogue import Mutant, Stale
from tests.mutants.checks import Check
from tests.mutants.run import Ran, run

_PATIENCE = 5
"""A check that takes so many times as long as without a mutant hangs ..."""
LEAST_S = 60.0
"""... if it takes that long at all."""


class NotGreen(Exception):
    """A check fails without any mutant: it would find every one."""


class Verdict(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    """Every check is green: a hole in the tests, or no slip at all."""
    STALE = "stale"
    """The source has changed beneath it."""
    BROKEN = "broken"
    """It can't even be imported, so that anything would find it."""


@dataclass(frozen=True, slots=True)
class Result:
    """One mutant's end."""

    mutant: Mutant
    verdict: Verdict
    by: str = ""
    """The check that found it, or why it is of no use."""
    seconds: float = 0.0

    @property
    def killed(self) -> bool:
        return self.verdict is Verdict.KILLED


class Baseline:
    """How long each check takes in an unmodified copy, where it must be green. Threads share it."""

    def __init__(self, pristine: Path, tell: Callable[[str], None]) -> None:
        self._pristine = pristine
        self._tell = tell
        self._seconds: dict[Check, float] = {}
        self._turn = threading.Lock()

    def limit_s(self, check: Check, worker: int) -> float:
        """How long ``check`` may take with a mutant. Raises NotGreen."""
        with self._turn:
            if check not in self._seconds:
                self._seconds[check] = self._measured(check, worker)
        return max(LEAST_S, _PATIENCE * self._seconds[check])

    def _measured(self, check: Check, worker: int) -> float:
        with copies.fresh(self._pristine) as copy:
            ran = run(check, copy, worker=worker)
        if not ran.green or ran.why_void:
            why = ran.why_void or ran.killer or f"exit code {ran.code}"
            raise NotGreen(f"without any mutant: {check.name}: {why}\n{ran.said}")
        self._tell(f"green without any mutant: {check.name}, {ran.seconds:.0f} s")
        return ran.seconds


def tried(
    mutant: Mutant, against: tuple[Check, ...], pristine: Path, baseline: Baseline, worker: int = 0
) -> Result:
    """Put ``mutant`` into a copy and run the checks ``against`` it, up to the first that fails.

    Raises NotGreen.
    """
    with copies.fresh(pristine) as copy:
        try:
            (copy / mutant.file).write_text(mutant.mutated(copy), encoding="utf-8")
        except Stale as stale:
            return Result(mutant, Verdict.STALE, str(stale))
        why_not = _cannot_be_imported(mutant, copy)
        if why_not:
            return Result(mutant, Verdict.BROKEN, why_not)
        seconds = 0.0
        for check in against:
            limit_s = baseline.limit_s(check, worker)
            ran = run(check, copy, worker=worker, limit_s=limit_s)
            seconds += ran.seconds
            result = _judged(mutant, ran, seconds)
            if result is not None:
                return result
    return Result(mutant, Verdict.SURVIVED, seconds=seconds)


def _judged(mutant: Mutant, ran: Ran, seconds: float) -> Result | None:
    """What ``ran`` says of ``mutant``; None if the next check has to be asked."""
    if ran.why_void:
        return Result(mutant, Verdict.BROKEN, ran.why_void, seconds)
    if ran.green:
        return None
    if ran.killer is None:
        last = ran.said.strip().rpartition("\n")[2]
        return Result(mutant, Verdict.BROKEN, f"{ran.check.name}: {last}", seconds)
    return Result(mutant, Verdict.KILLED, ran.killer, seconds)


def _cannot_be_imported(mutant: Mutant, copy: Path) -> str | None:
    ran = subprocess.run(
        [sys.executable, "-c", f"import {mutant.module}"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stderr.strip().rpartition("\n")[2] if ran.returncode else None
