"""Devantech USB-RLY08: one byte a command.

    on, off  64 + ch, 6E + ch
    status   5B  ->  a bit for each relay, relay 1 the lowest

Source: the USB-RLY08 technical documentation. The answer is one byte and has no
check: noise on the line can't be told from it.
"""

from drivers.hal import Capabilities, Clock, Driver, RelaySettings
from drivers.relay.dialect import Codec, Exchange, SerialRelay, open_dialect


class Devantech(Codec):
    def on(self, channel: int) -> Exchange:
        return Exchange(bytes((0x64 + channel,)))

    def off(self, channel: int) -> Exchange:
        return Exchange(bytes((0x6E + channel,)))

    def status(self, channel: int) -> bytes:
        return b"\x5b"

    def coil(self, channel: int, heard: bytes) -> bool | None:
        return bool(heard[0] >> channel - 1 & 1) if heard else None


def _open(settings: RelaySettings, clock: Clock) -> SerialRelay:
    return open_dialect(Devantech(), DRIVER, settings, clock)


DRIVER = Driver(capabilities=Capabilities(reads_back=True), max_channels=8, open_relay=_open)
