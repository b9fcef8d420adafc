"""The mutants as they are written down: one file for each rule."""

import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
RULES = tuple(f"S{number}" for number in range(1, 9))
ROOMS = ("core", "runner", "journal", "driver", "web")


class Stale(Exception):
    """The source has changed: a mutant's old text is not there, or not only once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One slip. ``old`` stands once in ``file``, and ``new`` is written in its place."""

    name: str
    rule: str
    """The rule that it breaks."""
    room: str
    file: str
    """Within the project."""
    wrong: str
    """What goes wrong then, in one line."""
    old: str
    new: str

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")

    def mutated(self, root: Path) -> str:
        """The text of ``file`` below ``root`` with the slip in it. Raises Stale."""
        path = root / self.file
        source = path.read_text(encoding="utf-8") if path.exists() else ""
        times = source.count(self.old)
        if times != 1:
            raise Stale(f"its old text stands {times} times in {self.file}")
        return source.replace(self.old, self.new)


def load(folder: Path = FOLDER) -> list[Mutant]:
    """All mutants of ``folder``, by rule, in the order in which they are written."""
    return [
        Mutant(rule=data["rule"], **mutant)
        for path in sorted(folder.glob("*.toml"))
        for data in [tomllib.loads(path.read_text(encoding="utf-8"))]
        for mutant in data["mutant"]
    ]


def counted(mutants: Sequence[Mutant]) -> Counter[tuple[str, str]]:
    """How many there are, by rule and room."""
    return Counter((mutant.rule, mutant.room) for mutant in mutants)
