"""LCUS boards that answer: the same four bytes, other operations.

    on      A0 ch 03 sum  ->  A0 ch 01 sum
    off     A0 ch 02 sum  ->  A0 ch 00 sum
    status  A0 ch 05 sum  ->  A0 ch 01/00 sum

Source: the vendors' sheets for LCUS boards "with feedback". Operation 06 exists,
but how long its pulse lasts is told nowhere: it is not used.
"""

from drivers.hal import Capabilities, Clock, Driver, RelaySettings
from drivers.relay.dialect import Codec, Exchange, SerialRelay, open_dialect
from drivers.relay.lcus import frame


class LcusFeedback(Codec):
    def on(self, channel: int) -> Exchange:
        return Exchange(frame(channel, 0x03), frame(channel, 0x01))

    def off(self, channel: int) -> Exchange:
        return Exchange(frame(channel, 0x02), frame(channel, 0x00))

    def acknowledged(self, exchange: Exchange, heard: bytes) -> bool:
        """The answer tells the coil. One that did not obey is for reading back to find."""
        _, channel, on, _ = exchange.acknowledgement
        return super().acknowledged(exchange, heard) or frame(channel, 1 - on) in heard

    def status(self, channel: int) -> bytes:
        return frame(channel, 0x05)

    def coil(self, channel: int, heard: bytes) -> bool | None:
        if frame(channel, 0x01) in heard:
            return True
        return False if frame(channel, 0x00) in heard else None


def _open(settings: RelaySettings, clock: Clock) -> SerialRelay:
    return open_dialect(LcusFeedback(), DRIVER, settings, clock)


DRIVER = Driver(
    capabilities=Capabilities(acknowledges=True, reads_back=True),
    max_channels=8,
    open_relay=_open,
)
