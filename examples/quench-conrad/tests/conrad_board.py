"""The card, emulated: one of them, with its jumper at the end of the chain."""

from quench_conrad import sealed

from sim.boards.base import Board

_SETUP, _STATUS, _ON, _OFF = 1, 2, 6, 7
_SIZE = 4


class ConradBoard(Board):
    """What is not for this card is passed on, and so comes back: there is no other."""

    max_channels = 8
    address = 0
    """None yet: a card without power forgets it."""

    def power_off(self, now_ms: int) -> None:
        super().power_off(now_ms)
        self.address = 0

    def _next_frame(self, now_ms: int) -> tuple[int, str, bytes]:
        frame = self._buffer[:_SIZE]
        if len(frame) < _SIZE:
            return 0, "", b""
        command, address, data, _ = frame
        if frame != sealed(command, address, data):
            return _SIZE, "a broken frame", sealed(0xFF, self.address, 0)
        if command == _SETUP:
            self.address = address
            passed_on = sealed(_SETUP, address + 1, 0)
            return _SIZE, f"address {address}", sealed(0xFF - command, address, 1) + passed_on
        if address != self.address:
            return _SIZE, "not for this card", frame
        meaning, answer = self._do(command, data, now_ms)
        return _SIZE, meaning, sealed(0xFF - command, address, answer)

    def _do(self, command: int, data: int, now_ms: int) -> tuple[str, int]:
        if command in (_ON, _OFF):
            channels = [at + 1 for at in range(8) if data >> at & 1]
            done = [self.switch(channel, command == _ON, now_ms) for channel in channels]
            return ", ".join(done), data
        if command == _STATUS:
            return "status?", sum(on << at for at, on in enumerate(self._shown()))
        return "a command that is not emulated", 0
