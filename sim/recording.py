"""A session as it was written down: JSON, a line for the machine, then one for each deed."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from controller.config import Config
from controller.errors import ConfigError, QuenchError, UsageError
from controller.storage import os_says
from controller.yaml_file import text_of
from sim import deeds
from sim.deeds import BadDeed, Deed
from sim.plan import Choice, Plan, draw, parse
from sim.world import OPENING

FORMAT = 1

AFTER_MS = 10_000
"""So much more is seen of a session of which nobody wrote down the end."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A machine, and all that was done to it: on one commit, the same gives the same trace."""

    config: Config
    seed: int
    opening: datetime
    """What the clock on the wall showed at 0 ms, in UTC."""
    deeds: tuple[Deed, ...] = ()
    end_ms: int = 0

    @property
    def head(self) -> str:
        """Its first line."""
        return json.dumps(
            {
                "quench recording": FORMAT,
                "seed": self.seed,
                "opening": self.opening.isoformat(" "),
                "config": self.config.model_dump(mode="json", exclude_unset=True),
            },
            ensure_ascii=False,
        )

    def __str__(self) -> str:
        return "".join(
            f"{each}\n" for each in (self.head, *map(line, self.deeds), end(self.end_ms))
        )


class Recorder:
    """The deeds of one machine, in a file: that which somebody wants, or one for the time being."""

    def __init__(self, begun: Recording, path: Path | None) -> None:
        """``path``: the file; None: one for the time being. Raises QuenchError."""
        try:
            # It is open for as long as the machine stands.
            self._file: IO[str] = (
                tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
                if path is None
                else path.open("w+", encoding="utf-8")
            )
        except OSError as error:
            raise QuenchError(f"{path}: {os_says(error)}") from error
        self._write(begun.head)

    def add(self, deed: Deed) -> None:
        self._write(line(deed))

    def text(self, end_ms: int) -> str:
        self._file.seek(0)
        return f"{self._file.read()}{end(end_ms)}\n"

    def close(self, end_ms: int) -> None:
        self._write(end(end_ms))
        self._file.close()

    def _write(self, line: str) -> None:
        self._file.write(f"{line}\n")
        self._file.flush()


def line(deed: Deed) -> str:
    """One deed, without the end of its line."""
    words = " ".join(map(str, (deed.what, *deed.args)))
    return json.dumps({"at_ms": deed.at_ms, "deed": words})


def end(end_ms: int) -> str:
    """The last line: so long it went on."""
    return json.dumps({"end_ms": end_ms})


def of_plan(plan: Plan) -> Recording:
    """A run of ``quench fuzz``."""
    last_ms = plan.deeds[-1].at_ms if plan.deeds else 0
    return Recording(plan.setting.config(), plan.seed, OPENING, plan.deeds, last_ms + AFTER_MS)


def of_run(said: str) -> Recording:
    """A run of ``quench fuzz`` by its seed, or by its plan written out. Raises UsageError."""
    try:
        plan = draw(int(said), Choice()) if said.isdecimal() else parse(said)
    except ValueError as error:
        told = f"--seed-trace: {said!r} is neither a seed nor a plan: {error}"
        raise UsageError(told) from None
    return of_plan(plan)


def load(path: Path) -> Recording:
    """What is written in ``path``. Raises ConfigError with the line that is wrong."""
    return read(text_of(path), str(path))


def read(text: str, name: str) -> Recording:
    """What ``text`` says, which is called ``name``. Raises ConfigError."""
    head, *rest = text.splitlines() or [""]
    config, seed, opening = _head(_json(head, f"{name}:1"), f"{name}:1")
    done, end_ms = _deeds(rest, name)
    if end_ms is None:
        end_ms = (done[-1].at_ms if done else 0) + AFTER_MS
    return Recording(config, seed, opening, tuple(done), end_ms)


def _head(said: dict[str, Any], place: str) -> tuple[Config, int, datetime]:
    if said.get("quench recording") != FORMAT:
        told = f'begins with {{"quench recording": {FORMAT}, ...}}'
        raise ConfigError(f"{place}: not a recording of this quench; one {told}")
    seed, opening = said.get("seed"), said.get("opening")
    if not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"{place}: seed: {seed!r} is not a whole number from 0 up")
    try:
        began = datetime.fromisoformat(str(opening))
    except ValueError:
        raise ConfigError(f"{place}: opening: {opening!r} is not a date and time") from None
    try:
        return Config.model_validate(said.get("config")), seed, began.replace(tzinfo=None)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(("config", *map(str, first["loc"])))
        raise ConfigError(f"{place}: {key}: {first['msg']}") from None


def _deeds(lines: Sequence[str], name: str) -> tuple[list[Deed], int | None]:
    done: list[Deed] = []
    for number, text in enumerate(lines, start=2):
        place = f"{name}:{number}"
        said = _json(text, place)
        if said.keys() == {"end_ms"} and _is_time(said["end_ms"]):
            return done, said["end_ms"]
        if said.keys() != {"at_ms", "deed"} or not _is_time(said["at_ms"]):
            told = '{"at_ms": 1000, "deed": "scan 1"}, or at the end {"end_ms": 9000}'
            raise ConfigError(f"{place}: not a deed; allowed: such as {told}")
        try:
            (deed,) = deeds.read(f"{said['at_ms']} {said['deed']}")
        except (BadDeed, ValueError) as error:
            raise ConfigError(f"{place}: {error}") from None
        if done and deed.at_ms < done[-1].at_ms:
            raise ConfigError(f"{place}: at_ms: {deed.at_ms} is before the line above it")
        done.append(deed)
    return done, None


def _is_time(said: object) -> bool:
    return type(said) is int and said >= 0


def _json(text: str, place: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{place}:{error.colno}: not JSON: {error.msg.lower()}") from None
    if not isinstance(said, dict):
        raise ConfigError(f"{place}: not a line of a recording: {text[:40]}")
    return said
