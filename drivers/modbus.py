"""Modbus RTU frames, and nothing that talks: no client here could ever send one twice.

Source: "MODBUS over Serial Line, Specification and Implementation Guide V1.02"
(frame, CRC-16 with 0xA001, low byte first) and "MODBUS Application Protocol
Specification V1.1b3" (function codes, exceptions).
"""

from drivers.hal import Refused

_REFUSALS = {
    1: "it doesn't know this function",
    2: "it has no such coil or register",
    3: "it doesn't take this value",
    6: "it is busy",
}


def crc(data: bytes) -> bytes:
    """The two check bytes of ``data``, as they go over the wire."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def request(address: int, function: int, first: int, second: int) -> bytes:
    """A request with two 16-bit fields, as function codes 1 to 6 have them."""
    body = bytes((address, function)) + first.to_bytes(2) + second.to_bytes(2)
    return body + crc(body)


def find(heard: bytes, head: bytes, size: int) -> bytes | None:
    """The first whole frame of ``size`` bytes in ``heard`` that begins with ``head``."""
    at = heard.find(head)
    while at >= 0:
        frame = heard[at : at + size]
        if len(frame) == size and crc(frame[:-2]) == frame[-2:]:
            return frame
        at = heard.find(head, at + 1)
    return None


def refusal(asked: bytes, heard: bytes) -> Refused | None:
    """What to raise if ``heard`` holds an exception that says that ``asked`` was not begun.

    After others, such as 4 (a failure on the way), nobody knows: they are no answer.
    """
    frame = find(heard, bytes((asked[0], asked[1] | 0x80)), 5)
    why = _REFUSALS.get(frame[2]) if frame else None
    if frame is None or why is None:
        return None
    return Refused(
        f"the board refused {asked.hex(' ').upper()}: {why} (Modbus exception {frame[2]})"
    )
