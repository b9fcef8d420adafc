"""KMtronic USB relay boards: three bytes, answers only when asked.

    on, off  FF ch 01, FF ch 00
    status   boards with one or two relays: FF ch 03  ->  FF ch 01/00
             with four or eight: FF 09 00  ->  a byte, 01 or 00, for each relay

Source: KMtronic, "USB Relay Test software" (info.kmtronic.com).
"""

import re

from drivers.hal import Capabilities, Clock, Driver, RelaySettings
from drivers.relay.dialect import Codec, Exchange, SerialRelay, open_dialect

SMALL = 2
"""Boards with more relays than that tell them all at once, and no single one."""


class Kmtronic(Codec):
    """Of a board with ``channels`` relays."""

    def __init__(self, channels: int) -> None:
        self._channels = channels

    def on(self, channel: int) -> Exchange:
        return Exchange(bytes((0xFF, channel, 1)))

    def off(self, channel: int) -> Exchange:
        return Exchange(bytes((0xFF, channel, 0)))

    def status(self, channel: int) -> bytes:
        return bytes((0xFF, channel, 3)) if self._channels <= SMALL else b"\xff\x09\x00"

    def coil(self, channel: int, heard: bytes) -> bool | None:
        if self._channels > SMALL:
            answer = re.search(b"[\x00\x01]{%d}" % self._channels, heard)
            return bool(answer[0][channel - 1]) if answer else None
        for on in (True, False):
            if bytes((0xFF, channel, on)) in heard:
                return on
        return None


def _open(settings: RelaySettings, clock: Clock) -> SerialRelay:
    return open_dialect(Kmtronic(max(settings.channels)), DRIVER, settings, clock)


DRIVER = Driver(capabilities=Capabilities(reads_back=True), max_channels=8, open_relay=_open)
