"""Figures: what each driver costs per pulse, beyond what the bytes take on the wire."""

import time
from contextlib import closing
from pathlib import Path

import serial

from bench import emulated_board
from bench.program import PYTHON, running
from bench.report import Row
from bench.rounds import alternate
from controller.clock import MonotonicClock
from drivers import registry
from drivers.hal import Relay, RelaySettings, open_with_off
from sim import boards, protocol_sim
from sim.boards.base import Frame
from sim.clock import VirtualClock
from sim.link import Wire

MOST_MS = 1.0
ROUNDS = 100
PULSE_MS = 10_000
"""Longer than any round: no board ends it by itself while it is measured."""
CHANNELS = range(1, emulated_board.CHANNELS + 1)

Exchange = tuple[bytes, bytes]


def measure(folder: Path) -> list[Row]:
    return [_row(dialect) for dialect in boards.base.names()]


def _row(dialect: str) -> Row:
    exchanges = _exchanges(dialect)
    with running(PYTHON, "-m", "bench.emulated_board", dialect) as board:
        path = board.wait_for(r"^board at (\S+)$").group(1)
        clock = _Clock()
        settings = RelaySettings(dialect, path, CHANNELS)
        with (
            closing(open_with_off(registry.load(dialect), settings, clock)) as relay,
            closing(serial.Serial(path, timeout=5, write_timeout=5)) as bare,
        ):
            pairs = alternate(
                ROUNDS, lambda: _driver_s(relay, clock), lambda: _bare_s(bare, exchanges), warm_up=5
            )
    ours_ms = pairs.our_median * 1000
    return Row(
        figure=f"A pulse of `{dialect}`, beyond wire time",
        ours=f"{ours_ms:.2f} ms",
        baseline="the same bytes by bare pyserial",
        bare=f"{pairs.bare_median * 1000:.2f} ms",
        ratio=pairs.ratio,
        target=f"at most {MOST_MS:.0f} ms",
        met=ours_ms <= MOST_MS,
        how=f"`on` and `off` of the driver, {len(exchanges)} frames with their answers, against the"
        " emulated board in a process of its own on a pty, where a byte takes no time; less"
        " what the board wants between two frames. What the board itself takes is in both."
        f" {ROUNDS} pulses in turn, medians.",
    )


class _Clock(MonotonicClock):
    """Knows how long drivers waited by their own will: for the board to be ready."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_s = 0.0

    def sleep_ms(self, span_ms: int) -> None:
        began_s = time.perf_counter()
        super().sleep_ms(span_ms)
        self.waited_s += time.perf_counter() - began_s


def _driver_s(relay: Relay, clock: _Clock) -> float:
    waited_s, began_s = clock.waited_s, time.perf_counter()
    relay.on(1, PULSE_MS)
    relay.off(1)
    return time.perf_counter() - began_s - (clock.waited_s - waited_s)


def _bare_s(wire: serial.Serial, exchanges: list[Exchange]) -> float:
    began_s = time.perf_counter()
    for request, answer in exchanges:
        wire.write(request)
        if answer:
            heard = wire.read(len(answer))
            assert heard == answer, f"{heard.hex(' ')} came instead of {answer.hex(' ')}"
    return time.perf_counter() - began_s


def _exchanges(dialect: str) -> list[Exchange]:
    """The frames of one pulse and their answers, as the driver has them with the emulated board."""
    protocol_sim.register()
    clock, board = VirtualClock(), boards.base.load(dialect)(emulated_board.CHANNELS)
    wire = Wire(f"bench-{dialect}", board, clock)
    settings = RelaySettings(dialect, wire.url, CHANNELS)
    frames: list[Frame] = []
    with closing(open_with_off(registry.load(dialect), settings, clock)) as relay:
        board.on_frame = frames.append
        relay.on(1, PULSE_MS)
        relay.off(1)
    exchanges: list[Exchange] = []
    for frame in frames:
        if frame.to_board:
            exchanges.append((frame.data, b""))
        else:
            exchanges[-1] = (exchanges[-1][0], frame.data)
    return exchanges
