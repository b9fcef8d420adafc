"""HW-667: one relay, one byte a command, no answers.

    on, off  AA, BB
    pulse    CC: on for 1 s, then off by itself

Source: the sellers' sheets for HW-667 boards.
"""

from drivers.hal import Capabilities, Clock, Driver, RelaySettings
from drivers.relay.dialect import Codec, Exchange, SerialRelay, open_dialect

PULSE_MS = 1_000


class Hw667(Codec):
    def on(self, channel: int) -> Exchange:
        return Exchange(b"\xaa")

    def off(self, channel: int) -> Exchange:
        return Exchange(b"\xbb")

    def pulse(self, channel: int, pulse_ms: int) -> Exchange:
        return Exchange(b"\xcc")


def _open(settings: RelaySettings, clock: Clock) -> SerialRelay:
    return open_dialect(Hw667(), DRIVER, settings, clock)


DRIVER = Driver(
    capabilities=Capabilities(device_timed=True),
    max_channels=1,
    open_relay=_open,
    nearest_pulse_ms=lambda pulse_ms: PULSE_MS,
)
