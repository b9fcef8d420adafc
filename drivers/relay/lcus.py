"""LCUS-1/2/4/8: CH340 USB relay boards with four-byte commands and no answers.

    on    A0 ch 01 sum
    off   A0 ch 00 sum      sum is the low byte of the three before it; ch counts from 1

Source: the vendors' sheets for LCUS boards. The status query ``FF`` is not
used: LCUS-1 often answers nothing, and the first answer is often a stale one.
The boards lose commands that come closer together than about 100 ms.
"""

from drivers.hal import Capabilities, Clock, Driver, RelaySettings
from drivers.relay.dialect import Codec, Exchange, SerialRelay, open_dialect


def frame(channel: int, operation: int) -> bytes:
    """The four bytes that do ``operation`` on ``channel`` (1 to 8)."""
    return bytes((0xA0, channel, operation, (0xA0 + channel + operation) & 0xFF))


class Lcus(Codec):
    gap_ms = 100

    def on(self, channel: int) -> Exchange:
        return Exchange(frame(channel, 0x01))

    def off(self, channel: int) -> Exchange:
        return Exchange(frame(channel, 0x00))


def _open(settings: RelaySettings, clock: Clock) -> SerialRelay:
    return open_dialect(Lcus(), DRIVER, settings, clock)


DRIVER = Driver(capabilities=Capabilities(), max_channels=8, open_relay=_open)
