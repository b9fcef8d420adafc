"""The load generator: wrk, one thread, 100 connections that stay open."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 100

_SCRIPT = Path(__file__).with_name("wrk.lua")


class WrkMissing(Exception):
    """There is no wrk on this computer."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw."""

    requests_per_s: float
    p99_ms: float


def require() -> None:
    """Raise WrkMissing unless wrk is installed."""
    if shutil.which("wrk") is None:
        raise WrkMissing("wrk is missing; install it: apt-get install wrk")


def load(url: str, seconds: int) -> Load:
    """Fetch ``url`` as fast as it goes for ``seconds``. Raises RuntimeError if a fetch failed."""
    said = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(_SCRIPT), url],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # The script's line is the last.
    found = json.loads(said.splitlines()[-1])
    if found["errors"]:
        raise RuntimeError(f"{found['errors']} of {found['requests']} fetches of a page failed")
    return Load(found["requests"] / (found["duration_us"] / 1e6), found["p99_us"] / 1000)
