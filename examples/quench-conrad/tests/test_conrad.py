"""The card's own frames, the contract of every driver, and a whole machine with the card."""

import pytest
from conrad_board import ConradBoard
from quench_conrad import DRIVER, Conrad, sealed

from controller.door import Word
from controller.table import State
from drivers.contract import WireContract
from drivers.hal import RelaySettings
from sim.clock import VirtualClock
from sim.link import Wire
from sim.rigs import MemoryRig
from sim.world import World

pytest_plugins = ["sim.pytest_plugin"]

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


@pytest.fixture
def relay_driver() -> str:
    return "conrad"


@pytest.fixture
def board() -> ConradBoard:
    return ConradBoard(8)


def test_a_visitor_gets_a_drink(world: World, board: ConradBoard) -> None:
    assert world.visit().word is Word.ENJOY
    assert board.coils == [False] * 8
    assert [entry.outcome and entry.outcome.value for entry in world.entries()] == [
        "relay_confirmed"
    ]


def test_the_machine_is_back_when_the_card_is(world: World) -> None:
    world.unplug()
    world.wait(5_000)
    assert world.state is State.OUT_OF_SERVICE
    world.plug()
    world.wait(5_000)
    assert world.visit().word is Word.ENJOY


def test_a_silent_card_gives_no_second_drink(world: World, board: ConradBoard) -> None:
    """The properties watch: a second pulse would be a Violation."""
    world.throw("silent")
    world.wait(5_000)
    world.mend()
    world.wait(5_000)
    world.visit()
    assert sum(coil for coil in board.coils) == 0
