"""Conrad's relay card 197720: eight relays on RS232, four bytes each way at 19200 baud.

    frame    command, address, data, and the XOR of these three
    answer   255 - command, address, data, XOR
    setup    01, which gives the card its address; until then it has none
    status   02  ->  data: a bit for each relay, relay 1 the lowest
    on, off  06, 07; data: the bits of the relays that are meant

Source: Conrad's operating instructions for 197720, chapter 6 (pages 31 to 34). They
don't say what ``data`` is in the answers to 06 and 07, so it is not looked at: the
coil is read back.
"""

from drivers.hal import Capabilities, Clock, Driver, RelaySettings
from drivers.relay.dialect import Codec, Exchange, SerialRelay
from drivers.relay.port import open_port

_SETUP, _STATUS, _ON, _OFF = 1, 2, 6, 7
_SIZE = 4


def sealed(*body: int) -> bytes:
    """The frame of command, address and data."""
    command, address, data = body
    return bytes((command, address, data, command ^ address ^ data))


class Conrad(Codec):
    def __init__(self, address: int) -> None:
        self._address = address

    def setup(self) -> bytes:
        return sealed(_SETUP, self._address, 0)

    def is_set_up(self, heard: bytes) -> bool | None:
        return True if self._data(_SETUP, heard) is not None else None

    def on(self, channel: int) -> Exchange:
        return self._switch(_ON, channel)

    def off(self, channel: int) -> Exchange:
        return self._switch(_OFF, channel)

    def acknowledged(self, exchange: Exchange, heard: bytes) -> bool:
        return self._data(exchange.request[0], heard) is not None

    def status(self, channel: int) -> bytes:
        return sealed(_STATUS, self._address, 0)

    def coil(self, channel: int, heard: bytes) -> bool | None:
        data = self._data(_STATUS, heard)
        return None if data is None else bool(data >> channel - 1 & 1)

    def _switch(self, command: int, channel: int) -> Exchange:
        return Exchange(sealed(command, self._address, 1 << channel - 1), self._head(command))

    def _head(self, command: int) -> bytes:
        """What every answer to ``command`` begins with."""
        return bytes((0xFF - command, self._address))

    def _data(self, command: int, heard: bytes) -> int | None:
        """The data in the first whole answer to ``command`` that ``heard`` holds."""
        at = heard.find(self._head(command))
        while at >= 0:
            frame = heard[at : at + _SIZE]
            if len(frame) == _SIZE and frame == sealed(*frame[:3]):
                return frame[2]
            at = heard.find(self._head(command), at + 1)
        return None


def _open(settings: RelaySettings, clock: Clock) -> SerialRelay:
    port = open_port(settings.port, settings.baud, gap_ms=0, clock=clock)
    codec = Conrad(settings.address)
    try:
        port.ask(codec.setup(), codec.is_set_up)  # which switches nothing
    except BaseException:
        port.close()
        raise
    return SerialRelay(port, codec, DRIVER.can(settings.device_timed), settings.channels, clock)


DRIVER = Driver(
    capabilities=Capabilities(acknowledges=True, reads_back=True),
    max_channels=8,
    open_relay=_open,
)
