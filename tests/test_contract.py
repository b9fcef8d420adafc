"""Every driver of ours keeps the contract: in memory, on a real pty, and on pins."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers import pins, registry
from drivers.contract import RelayContract, Rig, WireContract
from drivers.hal import RelaySettings
from sim import boards, hardware
from sim.clock import VirtualClock
from sim.rigs import MemoryRig, PtyRig

ANSWERS_BEGIN_WITH = {
    "devantech": bytes(range(256)),  # its one byte can be any
    "hw667": b"",
    "kmtronic": b"\x00\x01\xff",
    "lcus": b"",
    "lcus-feedback": b"\xa0",
    "numato": b"r",
    "r421a08": b"\x01",
    "waveshare": b"\x01",
}

UNCHECKED = ("devantech", "kmtronic")  # a bit is all that tells ON from OFF


def noise(dialect: str) -> bytes:
    return bytes(byte for byte in range(256) if byte not in ANSWERS_BEGIN_WITH[dialect])


def config(dialect: str, most: int) -> RelaySettings:
    channels = min(most, registry.load(dialect).max_channels)
    return RelaySettings(dialect, "/dev/null", range(1, channels + 1))


@pytest.fixture(params=boards.base.names())
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestInMemory(WireContract):
    """On the wire that ``quench sim`` has."""

    @pytest.fixture
    def rig(self, dialect: str) -> MemoryRig:
        settings = config(dialect, most=8)
        wire = hardware.wire(settings, VirtualClock())
        rig = MemoryRig(registry.load(dialect), settings, wire, noise(dialect))
        rig.checked = dialect not in UNCHECKED
        return rig


class TestOnAPty(WireContract):
    @pytest.fixture
    def rig(self, dialect: str, tmp_path: Path) -> Iterator[PtyRig]:
        settings = config(dialect, most=2)
        board = hardware.emulated(dialect, len(settings.channels))
        rig = PtyRig(registry.load(dialect), settings, board, tmp_path / "board", noise(dialect))
        rig.checked = dialect not in UNCHECKED
        rig.examples = 4
        yield rig
        rig.close()


class PinRig(Rig):
    """Relays on simulated pins, as ``quench sim`` has them."""

    def __init__(self, *, active_low: bool) -> None:
        settings = RelaySettings("gpio", "", [17, 27], active_low=active_low)
        super().__init__(registry.load("gpio"), settings, VirtualClock())
        self._board = hardware.wire(settings, self.clock).board

    def energised(self) -> set[int]:
        return {pin for pin, on in enumerate(self._board.coils, start=1) if on}

    def pass_ms(self, span_ms: int) -> None:
        self.clock.sleep_ms(span_ms)


class TestOnPins(RelayContract):
    @pytest.fixture(params=[False, True], ids=["active_high", "active_low"])
    def rig(self, request: pytest.FixtureRequest) -> Iterator[PinRig]:
        yield PinRig(active_low=request.param)
        pins.simulate(None)
