"""The contract on real hardware: ``pytest --relay-config FILE`` runs this, and nothing else does.

Unplug the motors first: each relay that a slot of that config uses is energised, for
half a second or so each time. Whatever a test did, every channel is told OFF after it.
"""

from collections.abc import Iterator, Sequence

import pytest

from drivers.contract.relay import RelayContract
from drivers.contract.rig import Rig
from drivers.hal import Clock, Driver, RelayError, RelaySettings


class HardwareRig(Rig):
    """A real board. Nobody looks but the board itself, if it reads back; a person may listen."""

    def __init__(
        self, driver: Driver, settings: RelaySettings, clock: Clock, channels: Sequence[int]
    ) -> None:
        """``channels``: those that may be energised, fewer perhaps than the board has."""
        super().__init__(driver, settings, clock)
        self._channels = channels

    @property
    def channels(self) -> Sequence[int]:
        return self._channels

    @property
    def pulse_ms(self) -> int:
        return self.driver.nearest_pulse_ms(500)

    def energised(self) -> None:
        return None

    def pass_ms(self, span_ms: int) -> None:
        self.clock.sleep_ms(span_ms)


BENCH = pytest.StashKey[HardwareRig]()
"""Where ``controller.pytest_plugin`` leaves it, which has read the config."""


@pytest.fixture(scope="session")
def hardware(pytestconfig: pytest.Config) -> HardwareRig:
    """The board, told OFF. Where it can't be there is nothing to test, and one line says why."""
    rig = pytestconfig.stash[BENCH]
    try:
        rig.begin().close()
    except RelayError as error:
        pytest.exit(str(error), returncode=1)
    return rig


class TestHardware(RelayContract):
    @pytest.fixture
    def rig(self, hardware: HardwareRig) -> Iterator[HardwareRig]:
        yield hardware
        hardware.begin().close()
