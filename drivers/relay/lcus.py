"""LCUS-1/2/4/8: CH340 USB relay boards with four-byte commands and no answers.

    on    A0 ch 01 sum
    off   A0 ch 00 sum      sum is the low byte of the three before it; ch counts from 1

Source: the vendors' sheets for LCUS boards. The status query ``FF`` is not
used: LCUS-1 often answers nothing, and the first answer is often a stale one.
The boards lose commands that come closer together than about 100 ms.
"""

from collections.abc import Sequence

from drivers.hal import Capabilities, Clock, RelaySettings, all_off
from drivers.relay.port import Port, open_port

CAPABILITIES = Capabilities()
MAX_CHANNELS = 8
GAP_MS = 100


def frame(channel: int, on: bool) -> bytes:
    """The command that switches ``channel`` (1 to 8)."""
    head = bytes((0xA0, channel, int(on)))
    return head + bytes((sum(head) & 0xFF,))


class LcusRelay:
    """A board of the LCUS family; see :class:`drivers.hal.Relay`."""

    capabilities = CAPABILITIES

    def __init__(self, port: Port, channels: int) -> None:
        self._port = port
        self.channels: Sequence[int] = range(1, channels + 1)

    def on(self, channel: int) -> bool:
        self._port.write(frame(channel, on=True))
        return False

    def off(self, channel: int) -> bool:
        self._port.write(frame(channel, on=False))
        return False

    def check(self) -> None:
        self._port.check()

    def close(self) -> None:
        self._port.close()


def open_relay(settings: RelaySettings, clock: Clock) -> LcusRelay:
    """Open the board and tell every channel OFF. Raises RelayError."""
    port = open_port(settings.port, settings.baud, gap_ms=GAP_MS, clock=clock)
    relay = LcusRelay(port, settings.channels)
    try:
        all_off(relay)
    except BaseException:
        port.close()
        raise
    return relay
