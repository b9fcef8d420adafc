"""The table of figures, and the description of the machine that they were measured on."""

import os
import platform
import sqlite3
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: measured, compared, judged."""

    figure: str
    ours: str
    """Quench's median, with its unit."""
    baseline: str
    """What it is compared with, in a few words."""
    bare: str
    """The baseline's median, with its unit."""
    ratio: float
    """The median of the rounds' ratios, Quench to the baseline."""
    target: str
    met: bool
    how: str
    """What was measured from where to where, and how often."""

    @property
    def met_word(self) -> str:
        return "yes" if self.met else "NO"

    @property
    def said_ratio(self) -> str:
        return f"{self.ratio:.2f} of {self.baseline} ({self.target})"


_HEAD = """\
# Benchmarks

Written by `make bench` (`.venv/bin/python -m bench`); every number below was measured in that one
run. A ratio compares Quench with a named baseline, the plainest program that does the same work,
measured in turn with it on the same machine: one round of Quench, one of the baseline, and so on.
A ratio is the median of the rounds' own ratios, so it can differ a little from the quotient of the
two medians that stand beside it. Warm-up rounds are not counted.
"""


def render(rows: Sequence[Row], *, took_s: float) -> str:
    """docs/benchmarks.md."""
    lines = [_HEAD, "| figure | Quench | baseline | ratio | target | met |"]
    lines.append("| --- | ---: | --- | ---: | --- | --- |")
    lines += [
        f"| {row.figure} | {row.ours} | {row.baseline}: {row.bare} | {row.ratio:.2f}"
        f" | {row.target} | {row.met_word if row.met else '**NO**'} |"
        for row in rows
    ]
    lines += ["", "## How each was measured", ""]
    lines += [f"- **{row.figure}.** {row.how}" for row in rows]
    lines += ["", "## The machine", "", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in _machine().items()]
    lines += [f"| took | {took_s:.0f} s |"]
    return "\n".join(lines) + "\n"


def _machine() -> dict[str, str]:
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "SQLite": sqlite3.sqlite_version,
        "commit": _commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load when done": "{:.1f} (1 min), {:.1f} (5 min)".format(*os.getloadavg()),
        "command": "`make bench`",
    }


def _processor() -> str:
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    # A Raspberry Pi has no "model name", but says what it is.
    return facts.get("model name") or facts.get("Model") or platform.processor() or "unknown"


def _commit() -> str:
    try:
        commit = _git("rev-parse", "HEAD").strip()
        changes = _git("status", "--porcelain", "--", ".", f":!docs/{REPORT.name}")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}, with uncommitted changes" if changes else commit


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
