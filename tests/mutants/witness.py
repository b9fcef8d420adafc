"""A pytest plugin for the run in a copy: it writes down what is being tested, and what failed.

One line of JSON each, in the file that $QUENCH_WITNESS names. Whatever ends the
run, the last lines say where it was.
"""

import json
import os
import sys
from pathlib import Path

import pytest

VARIABLE = "QUENCH_WITNESS"


def _note(kind: str, what: str) -> None:
    with Path(os.environ[VARIABLE]).open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps([kind, what])}\n")


def pytest_runtest_logstart(nodeid: str) -> None:
    _note("began", nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _note("failed", report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _note("uncollected", report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Another tree's code would prove nothing of this one's."""
    for name, module in sorted(sys.modules.items()):
        path = Path(getattr(module, "__file__", None) or session.config.rootpath)
        ours = name.partition(".")[0] in ("controller", "drivers", "sim")
        if ours and not path.is_relative_to(session.config.rootpath):
            _note("elsewhere", f"{name} is {path}")
