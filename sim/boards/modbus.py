"""What the two boards with Modbus framing share: requests of eight bytes with a CRC."""

from abc import abstractmethod

from drivers.modbus import crc
from sim.boards.base import Board
from sim.faults import Fault, Switch

SIZE = 8


def sealed(body: bytes) -> bytes:
    return body + crc(body)


class ModbusBoard(Board):
    """A board at bus address 1."""

    address = 1
    functions: tuple[int, ...]

    def _next_frame(self, now_ms: int) -> tuple[int, str, bytes]:
        frame = self._buffer[:SIZE]
        expected = (self.address, self.functions)
        if frame[0] != expected[0] or (len(frame) > 1 and frame[1] not in expected[1]):
            return 1, "", b""
        if len(frame) < SIZE:
            return 0, "", b""
        if sealed(frame[:-2]) != frame:
            return 1, "", b""
        first, second = int.from_bytes(frame[2:4]), int.from_bytes(frame[4:6])
        meaning, body = self._do(frame, first, second, now_ms)
        body = body or bytes((self.address, frame[1] | 0x80, 3))
        if self.suffers(Fault.STRANGER):
            body = bytes((self.address + 1,)) + body[1:]
        return SIZE, meaning, sealed(body)

    def why_not(self, switch: Switch) -> str:
        return "" if switch.fault is Fault.STRANGER else super().why_not(switch)

    @abstractmethod
    def _do(self, frame: bytes, first: int, second: int, now_ms: int) -> tuple[str, bytes]:
        """What the request does, in words, and the answer without its CRC; empty to refuse."""
