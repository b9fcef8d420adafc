"""Waveshare Modbus RTU relays.

    on, off  FC05, coil from 0, value FF00 or 0000, echoed
    status   FC01 over all coils: boards are said to know no other way (labgrid, pull request 1575)
    pulse    FC05, address 0200 + coil, value in units of 100 ms, echoed

Source: Waveshare's wiki, "Modbus RTU Relay". The pulse ("flash on") puts a time
where Modbus allows FF00 and 0000 only, so a strictly standard board refuses it
with exception 3. Boards made before September 2021 speak something else.
"""

from drivers.hal import Capabilities, Clock, Driver, Refused, RelaySettings
from drivers.modbus import find, refusal, request
from drivers.relay.dialect import Codec, Exchange, SerialRelay, open_dialect

_WRITE_COIL, _READ_COILS = 0x05, 0x01
_FLASH_ON = 0x0200
_UNIT_MS, _MOST_UNITS = 100, 0x7FFF


def nearest_pulse_ms(pulse_ms: int) -> int:
    """Whole tenths of a second, from one."""
    return min(max(round(pulse_ms / _UNIT_MS), 1), _MOST_UNITS) * _UNIT_MS


class Waveshare(Codec):
    """Of a board with ``channels`` relays."""

    def __init__(self, address: int, channels: int) -> None:
        self._address = address
        self._channels = channels

    def on(self, channel: int) -> Exchange:
        return self._write(channel - 1, 0xFF00)

    def off(self, channel: int) -> Exchange:
        return self._write(channel - 1, 0x0000)

    def pulse(self, channel: int, pulse_ms: int) -> Exchange:
        return self._write(_FLASH_ON + channel - 1, pulse_ms // _UNIT_MS)

    def status(self, channel: int) -> bytes:
        return request(self._address, _READ_COILS, 0, self._channels)

    def coil(self, channel: int, heard: bytes) -> bool | None:
        size = (self._channels + 7) // 8
        answer = find(heard, bytes((self._address, _READ_COILS, size)), 5 + size)
        if answer is None:
            return None
        return bool(int.from_bytes(answer[3:-2], "little") >> channel - 1 & 1)

    def refusal(self, asked: bytes, heard: bytes) -> Refused | None:
        return refusal(asked, heard)

    def _write(self, coil: int, value: int) -> Exchange:
        frame = request(self._address, _WRITE_COIL, coil, value)
        return Exchange(frame, frame)


def _open(settings: RelaySettings, clock: Clock) -> SerialRelay:
    codec = Waveshare(settings.address, max(settings.channels))
    return open_dialect(codec, DRIVER, settings, clock)


DRIVER = Driver(
    capabilities=Capabilities(acknowledges=True, reads_back=True, device_timed=True),
    max_channels=32,
    open_relay=_open,
    nearest_pulse_ms=nearest_pulse_ms,
)
