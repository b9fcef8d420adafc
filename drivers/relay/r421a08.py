"""R421A08: eight relays on RS485, Modbus framing with registers of its own.

    on, off  FC06, register = channel from 1, value 0100 or 0200, echoed
    status   FC03, register = channel: 0001 or 0000
    pulse    value 0500: 1 s; value 0600 + seconds (1 to 255), echoed

Source: the "R421A08 command" sheet that sellers hand out. It says "open" for
*energised*.
"""

from drivers.hal import Capabilities, Clock, Driver, Refused, RelaySettings
from drivers.modbus import find, refusal, request
from drivers.relay.dialect import Codec, Exchange, SerialRelay, open_dialect

_WRITE, _READ = 0x06, 0x03
_ON, _OFF, _MOMENTARY, _DELAY = 0x0100, 0x0200, 0x0500, 0x0600
_MOST_S = 255


def nearest_pulse_ms(pulse_ms: int) -> int:
    """Whole seconds, from one."""
    return min(max(round(pulse_ms / 1000), 1), _MOST_S) * 1000


class R421a08(Codec):
    def __init__(self, address: int) -> None:
        self._address = address

    def on(self, channel: int) -> Exchange:
        return self._write(channel, _ON)

    def off(self, channel: int) -> Exchange:
        return self._write(channel, _OFF)

    def pulse(self, channel: int, pulse_ms: int) -> Exchange:
        seconds = pulse_ms // 1000
        return self._write(channel, _MOMENTARY if seconds == 1 else _DELAY + seconds)

    def status(self, channel: int) -> bytes:
        return request(self._address, _READ, channel, 1)

    def coil(self, channel: int, heard: bytes) -> bool | None:
        answer = find(heard, bytes((self._address, _READ, 2)), 7)
        return None if answer is None else answer[3:5] == b"\x00\x01"

    def refusal(self, asked: bytes, heard: bytes) -> Refused | None:
        return refusal(asked, heard)

    def _write(self, channel: int, value: int) -> Exchange:
        frame = request(self._address, _WRITE, channel, value)
        return Exchange(frame, frame)


def _open(settings: RelaySettings, clock: Clock) -> SerialRelay:
    return open_dialect(R421a08(settings.address), DRIVER, settings, clock)


DRIVER = Driver(
    capabilities=Capabilities(acknowledges=True, reads_back=True, device_timed=True),
    max_channels=8,
    open_relay=_open,
    nearest_pulse_ms=nearest_pulse_ms,
)
