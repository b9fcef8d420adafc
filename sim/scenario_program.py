"""The command ``quench sim run``: plays scenarios, and says what it saw."""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from controller.errors import ConfigError, QuenchError
from controller.report import say
from controller.storage import os_says
from sim import junit, scenario
from sim.reading import span
from sim.stage import End, Played, play
from sim.table import colours, table

RAN_OUT = 42
"""The exit code when a wait ran out, and nothing worse happened; Wokwi's command says it so."""

LAST = 12
"""So many lines of the trace are shown where a scenario went otherwise."""


def run(files: Sequence[str], *, report: Path | None) -> int:
    """Play ``files``, or those that come with quench. Returns the exit code.

    ``report``: where to write what came of them as JUnit XML. Raises QuenchError, and
    plays nothing, if a file has mistakes.
    """
    scripts = _read([scenario.find(name) for name in files or scenario.names()])
    width = max(len(script.path.stem) for script in scripts)
    played = []
    for script in scripts:
        played.append(play(script))
        _tell(played[-1], width)
    if report is not None:
        _write(report, junit.report(played))
    ends = Counter(each.end for each in played)
    say(", ".join(f"{ends[end]} {end.value}" for end in End if ends[end]))
    if ends[End.MISSED]:
        return 1
    return RAN_OUT if ends[End.RAN_OUT] else 0


def show() -> int:
    """Name the scenarios that come with quench, and what each teaches. Returns the exit code."""
    scripts = _read([scenario.find(name) for name in scenario.names()])
    width = max(len(script.path.stem) for script in scripts)
    for script in scripts:
        say(f"{script.path.stem:{width}}  {script.scenario.teaches.strip()}")
    return 0


def _read(paths: Sequence[Path]) -> list[scenario.Script]:
    """All of them, or every mistake in all of them."""
    scripts, mistakes = [], []
    for path in paths:
        try:
            scripts.append(scenario.Script(path))
        except ConfigError as error:
            mistakes.append(str(error))
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return scripts


def _tell(played: Played, longest: int) -> None:
    """``longest``: of the names."""
    name = played.script.path.stem
    say(f"{played.end.value:8} {name:{longest}}  {span(played.virtual_ms)} of its time")
    if played.end is End.PASSED:
        return
    for line in played.told:
        say("\n".join(f"  {each}" for each in line.splitlines()))
    say("  the last that was seen:")
    width = shutil.get_terminal_size().columns
    colour = colours(sys.stdout, os.environ)
    rows = table(played.trace, violation=played.violation, colour=colour, width=max(50, width - 2))
    for row in list(rows)[-LAST:]:
        say(f"  {row}")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise QuenchError(f"{path}: {os_says(error)}") from error
