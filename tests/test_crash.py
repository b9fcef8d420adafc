"""The real process killed during a dispense, as the visitor and the operator see it, and stopped.

Killed at a hundred other instants: ``tests/test_kills.py``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.door import Word
from controller.web.words import EN
from sim.properties import MARGIN_MS
from tests.expo import ON, Expo, Visitor, open_expo
from tests.processes import quench

OFF_AGAIN = r"channel \d OFF, was on for (\d+) ms"
ALL_OFF = ["A0 01 00", "A0 02 00"]


@pytest.fixture
def expo(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Expo]:
    slot = {"name": "water", "channel": 1, "capacity": 50, "pulse_ms": request.param}
    with open_expo(tmp_path, slots=[slot]) as expo:
        expo.start().wait_for("^quench: in service$")
        assert expo.frames() == ALL_OFF
        yield expo


def says(expo: Expo, command: str, *rest: str) -> list[list[str]]:
    """What a ``quench`` command prints, as words in lines."""
    with quench(command, "--config", expo.config, *rest) as program:
        assert program.end() == 0, program.said
    return [line.split() for line in program.said.splitlines()]


def books(expo: Expo) -> tuple[int, ...]:
    """Remaining, loaded, dispensed, failed and unknown drinks."""
    return tuple(int(word) for word in says(expo, "stock")[1][2:])


@pytest.mark.parametrize("expo", [10_000], indirect=True)
def test_killed_while_the_relay_is_on(expo: Expo) -> None:
    visitor = Visitor(expo)
    assert visitor.comes()
    with visitor.tapping():
        expo.board.wait_for(ON)
        expo.controller.kill()
    assert expo.frames() == [*ALL_OFF, "A0 01 01"]
    assert expo.energised() == {1}
    assert books(expo) == (49, 50, 0, 0, 1)

    controller = expo.start()
    controller.wait_for("^quench: in service$")
    assert expo.energised() == set()
    assert "its outcome is unknown" in controller.said
    assert says(expo, "journal")[1][4:] == ["unknown"]
    # The visitor is told, the token is dead, and the next one gets a drink of their own.
    assert EN.told[Word.UNKNOWN].title in visitor.taps()
    assert expo.frames() == [*ALL_OFF, "A0 01 01", *ALL_OFF]
    other = Visitor(expo)
    assert other.comes()
    assert other.path != visitor.path
    with other.tapping():
        expo.board.wait_for(ON, 2)
    # A person looks, beside the running controller.
    says(expo, "journal", "reconcile", "1", "dispensed")
    assert books(expo) == (48, 50, 1, 0, 1)


@pytest.mark.parametrize("expo", [1_000], indirect=True)
def test_an_orderly_stop_brings_the_drink_to_its_end(expo: Expo) -> None:
    visitor = Visitor(expo)
    assert visitor.comes()
    with visitor.tapping():
        expo.board.wait_for(ON)
        assert expo.controller.stop() == 0
    # To the millisecond in virtual time; here the computer may be busy.
    on_ms = int(expo.board.wait_for(OFF_AGAIN).group(1))
    assert 500 <= on_ms <= 1_000 + MARGIN_MS
    assert expo.frames() == [*ALL_OFF, "A0 01 01", "A0 01 00", *ALL_OFF]
    assert books(expo) == (49, 50, 1, 0, 0)
