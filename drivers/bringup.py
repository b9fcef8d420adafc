"""A real board by hand: which dialect answers, what its coils say, one click.

A probe must never energise a relay, whatever is at the end of the wire, also
boards that don't answer and boards for which another's question is a command
(an HW-667 takes any ``AA`` or ``CC`` for ON, a USB-RLY08 each letter from d to l).
So only questions are sent, in an order in which no two make a command together,
and none that holds such a byte.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from drivers.hal import BadAnswer, Clock, NoAnswer, Refused
from drivers.relay.dialect import Codec
from drivers.relay.kmtronic import Kmtronic
from drivers.relay.lcus_feedback import LcusFeedback
from drivers.relay.port import open_port
from drivers.relay.r421a08 import R421a08
from drivers.relay.waveshare import Waveshare

SILENT = ("hw667", "lcus")
"""Dialects whose boards may well not answer anything: a probe can't find them."""

_HARMFUL = {0xAA, 0xCC, *range(0x64, 0x6D)}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked to find boards of ``dialect``, and whether ``heard`` is their answer."""

    dialect: str
    request: bytes
    is_answer: Callable[[bytes], bool]

    @property
    def harmless(self) -> bool:
        """Whether no board of another dialect takes it for ON."""
        return not _HARMFUL.intersection(self.request)


def questions(address: int) -> list[Question]:
    """In the order in which they must be asked.

    The lone FF is last: it begins a command of a KMtronic.
    """

    def of(dialect: str, codec: Codec) -> Question:
        return Question(dialect, codec.status(1), lambda heard: codec.coil(1, heard) is not None)

    return [
        Question("devantech", b"\x5a", lambda heard: heard[:1] == b"\x08"),
        Question("numato", b"\r", lambda heard: b">" in heard),
        of("kmtronic", Kmtronic(1)),
        of("kmtronic", Kmtronic(4)),
        of("lcus-feedback", LcusFeedback()),
        of("waveshare", Waveshare(address, 1)),
        of("r421a08", R421a08(address)),
        Question("lcus", b"\xff", lambda heard: b"CH1:" in heard),
    ]


def probe(port: str, baud: int, address: int, clock: Clock) -> Iterator[tuple[str, str]]:
    """Ask until a board answers; yields each dialect and what came of it, "" if it is the one.

    Raises RelayError if the port can't be used.
    """
    line = open_port(port, baud, gap_ms=0, clock=clock)
    try:
        for question in questions(address):
            if not question.harmless:
                yield question.dialect, f"not asked: at address {address} others take it for ON"
                continue
            try:
                line.ask(question.request, lambda heard, q=question: q.is_answer(heard) or None)  # type: ignore[misc]
            except NoAnswer:
                yield question.dialect, "no answer"
            except (BadAnswer, Refused) as error:
                yield question.dialect, str(error)
            else:
                yield question.dialect, ""
                return
    finally:
        line.close()
