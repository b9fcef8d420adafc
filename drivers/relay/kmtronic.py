"""KMtronic USB relay boards: three bytes, answers only when asked.

    on, off  FF ch 01, FF ch 00
    status   FF ch 03  ->  FF ch 01/00

Source: KMtronic's sheets for its USB boards with one to eight channels.
"""

from drivers.hal import Capabilities, Clock, Driver, RelaySettings
from drivers.relay.dialect import Codec, Exchange, SerialRelay, open_dialect


class Kmtronic(Codec):
    def on(self, channel: int) -> Exchange:
        return Exchange(bytes((0xFF, channel, 1)))

    def off(self, channel: int) -> Exchange:
        return Exchange(bytes((0xFF, channel, 0)))

    def status(self, channel: int) -> bytes:
        return bytes((0xFF, channel, 3))

    def coil(self, channel: int, heard: bytes) -> bool | None:
        for on in (True, False):
            if bytes((0xFF, channel, on)) in heard:
                return on
        return None


def _open(settings: RelaySettings, clock: Clock) -> SerialRelay:
    return open_dialect(Kmtronic(), DRIVER, settings, clock)


DRIVER = Driver(capabilities=Capabilities(reads_back=True), max_channels=8, open_relay=_open)
