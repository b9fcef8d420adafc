"""The machine that is measured: the repository's config.yaml with as little changed as can be."""

from pathlib import Path
from typing import Any

import yaml

from bench.report import ROOT

PULSE_MS = 100
DWELL_MS = 100
"""The least that a config may say."""


def written(folder: Path, relay_port: str | Path, **timing: int) -> Path:
    """config.yaml on loopback and a free port, with the board at ``relay_port``."""
    data = _moved(folder, relay_port)
    data["timing"] |= timing
    return _write(folder, data)


def written_for_many_taps(folder: Path, relay_port: str | Path) -> Path:
    """One full slot, the shortest dwell and pulse, so that a visit is over soon."""
    data = _moved(folder, relay_port)
    data["hardware"]["relay"]["channels"] = 1
    data["slots"] = [{"name": "water", "channel": 1, "capacity": 1000, "pulse_ms": PULSE_MS}]
    data["timing"]["dwell_ms"] = DWELL_MS
    return _write(folder, data)


def _moved(folder: Path, relay_port: str | Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    data["web"] = {"host": "127.0.0.1", "port": 0}
    data["hardware"]["relay"]["port"] = str(relay_port)
    data["journal"]["path"] = str(folder / "quench.db")
    return data


def _write(folder: Path, data: dict[str, Any]) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path
