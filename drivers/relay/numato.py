"""Numato USB relay modules: words, echoed, then a prompt.

    on, off  "relay on 0" CR, "relay off 0" CR
    status   "relay read 0" CR  ->  on or off, after the echo, before the prompt ">"

The first relay is 0; from the eleventh on they are letters from A. Source: the
user guides of Numato's USB relay modules.
"""

import re

from drivers.hal import Capabilities, Clock, Driver, RelaySettings
from drivers.relay.dialect import Codec, Exchange, SerialRelay, open_dialect

_NAMES = "0123456789ABCDEFGHIJKLMNOPQRSTUV"


def _command(verb: str, channel: int) -> bytes:
    return f"relay {verb} {_NAMES[channel - 1]}\r".encode()


class Numato(Codec):
    def on(self, channel: int) -> Exchange:
        return self._switch("on", channel)

    def off(self, channel: int) -> Exchange:
        return self._switch("off", channel)

    def status(self, channel: int) -> bytes:
        return _command("read", channel)

    def coil(self, channel: int, heard: bytes) -> bool | None:
        echo = re.escape(_command("read", channel).rstrip())
        found = re.search(echo + rb"\s+(on|off)\s*>", heard)
        return found[1] == b"on" if found else None

    def acknowledged(self, exchange: Exchange, heard: bytes) -> bool:
        echo = re.escape(exchange.acknowledgement)
        return re.search(echo + rb"\s*>", heard) is not None

    def _switch(self, verb: str, channel: int) -> Exchange:
        command = _command(verb, channel)
        return Exchange(command, command.rstrip())


def _open(settings: RelaySettings, clock: Clock) -> SerialRelay:
    return open_dialect(Numato(), DRIVER, settings, clock)


DRIVER = Driver(
    capabilities=Capabilities(acknowledges=True, reads_back=True),
    max_channels=32,
    open_relay=_open,
)
