"""The card's own frames, and the contract of every driver."""

import pytest
from conrad_board import ConradBoard
from quench_conrad import DRIVER, Conrad, sealed

from drivers.contract import WireContract
from drivers.hal import RelaySettings
from sim.clock import VirtualClock
from sim.link import Wire
from sim.rigs import MemoryRig

ANSWERS_BEGIN_WITH = b"\xfe\xfd\xf9\xf8"
NOISE = bytes(byte for byte in range(256) if byte not in ANSWERS_BEGIN_WITH)


class TestConrad(WireContract):
    @pytest.fixture
    def rig(self) -> MemoryRig:
        settings = RelaySettings("conrad", "", range(1, 9), baud=19_200)
        wire = Wire("conrad", ConradBoard(8), VirtualClock())
        return MemoryRig(DRIVER, settings, wire, NOISE)


def test_the_example_of_the_instructions() -> None:
    """Page 33: with relays 6, 5 and 1 activated, the answer's data is 49."""
    answer = sealed(253, 1, 49)
    coils = [Conrad(1).coil(channel, answer) for channel in range(1, 9)]
    assert coils == [True, False, False, False, True, True, False, False]


@pytest.mark.parametrize(
    ("channel", "on", "off"), [(1, "06 01 01 06", "07 01 01 07"), (8, "06 01 80 87", "07 01 80 86")]
)
def test_frames(channel: int, on: str, off: str) -> None:
    assert Conrad(1).on(channel).request == bytes.fromhex(on)
    assert Conrad(1).off(channel).request == bytes.fromhex(off)


def test_a_card_that_lost_its_power_is_set_up_when_it_is_opened_again() -> None:
    board = ConradBoard(8)
    wire = Wire("conrad", board, VirtualClock())
    settings = RelaySettings("conrad", wire.url, range(1, 9), baud=19_200)
    rig = MemoryRig(DRIVER, settings, wire, NOISE)
    rig.begin().close()
    assert board.address == 1
    board.power_off(0)
    rig.begin().close()
    assert board.address == 1
