"""``python -m tests.mutants.score``: mutmut over the core, in a throwaway copy.

Where the catalogue has the slips that we thought of, mutmut makes every small
change that it can think of; see ``[tool.mutmut]`` in pyproject.toml. Exit 1 if
less than LEAST of those in the core are found.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants import copies, report
from tests.mutants.__main__ import ROOT

CORE = ("controller.machine", "controller.memory")
"""``controller.table`` is data: its slips are in the catalogue."""
LEAST = 0.9

FOUND = ("killed", "timeout", "segfault")


@dataclass(frozen=True, slots=True)
class Score:
    """How many of the mutants of one module were found."""

    module: str
    found: int
    all: int

    @property
    def share(self) -> float:
        return self.found / self.all if self.all else 1.0

    def __str__(self) -> str:
        return f"{self.module}: {self.found} of {self.all} found, {self.share:.1%}"


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="quench-mutmut-") as folder:
        copy = Path(folder)
        copies.take(ROOT, copy)
        run = ["run", "--max-children", str(chosen.workers), *chosen.names]
        subprocess.run(_mutmut(*run), cwd=copy, env=_surroundings(), check=True)
        verdicts = _verdicts(copy)
        for name, verdict in sorted(verdicts.items()):
            if verdict not in FOUND:
                print(_said(copy, "show", name))
    scores = _scores(verdicts)
    for score in scores:
        print(score)
    if chosen.write:
        report.write_score(ROOT, [(each.module, each.all, each.found) for each in scores])
    return 0 if scores[0].share >= LEAST else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.mutants.score", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these; * stands for any")
    parser.add_argument("--workers", type=int, default=2, help="how many at a time (2)")
    parser.add_argument("--write", action="store_true", help=f"put the score into {report.PAGE}")
    return parser


def _mutmut(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mutmut", *arguments]


def _surroundings() -> dict[str, str]:
    return {**os.environ, "HYPOTHESIS_PROFILE": "ci", "PYTHONDONTWRITEBYTECODE": "1"}


def _said(copy: Path, *arguments: str) -> str:
    told = subprocess.run(
        _mutmut(*arguments),
        cwd=copy,
        env=_surroundings(),
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout


def _verdicts(copy: Path) -> dict[str, str]:
    """What became of each mutant that was tried, by mutmut's name for it."""
    lines = (
        line.strip().rpartition(": ") for line in _said(copy, "results", "--all", "1").split("\n")
    )
    return {name: verdict for name, _, verdict in lines if name and verdict != "not checked"}


def _scores(verdicts: dict[str, str]) -> list[Score]:
    """The core's, then each module's."""
    tried: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for name, verdict in verdicts.items():
        module = name.rpartition(".")[0]
        for counted in (module, "the core") if module in CORE else (module,):
            tried[counted] += 1
            found[counted] += verdict in FOUND
    return [
        Score(name, found[name], tried[name])
        for name in ("the core", *sorted(set(tried) - {"the core"}))
    ]


if __name__ == "__main__":
    # So that what was started is ended, and what was copied removed.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    sys.exit(main())
