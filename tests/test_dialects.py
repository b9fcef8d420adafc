"""Every dialect: its bytes by the vectors, its driver against its emulated board."""

import json
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.config import load
from controller.door import Word
from controller.events import Outcome
from controller.machine import Reason
from controller.table import State
from drivers import registry
from drivers.hal import (
    BadAnswer,
    NoAnswer,
    PortLost,
    PortMissing,
    Refused,
    Relay,
    RelaySettings,
    StuckOff,
    StuckOn,
    WriteTimedOut,
    open_with_off,
)
from drivers.modbus import crc
from drivers.relay import (
    devantech,
    hw667,
    kmtronic,
    lcus,
    lcus_feedback,
    numato,
    r421a08,
    waveshare,
)
from drivers.relay.dialect import Codec
from sim import boards, protocol_sim
from sim.boards.base import Board
from sim.boards.waveshare import WaveshareBoard
from sim.clock import VirtualClock
from sim.link import Wire
from sim.trace import RelaySwitched
from sim.world import World
from tests.conftest import ROOT
from tests.processes import quench, written

CODECS: dict[str, Codec] = {
    "devantech": devantech.Devantech(),
    "hw667": hw667.Hw667(),
    "kmtronic": kmtronic.Kmtronic(),
    "lcus": lcus.Lcus(),
    "lcus-feedback": lcus_feedback.LcusFeedback(),
    "numato": numato.Numato(),
    "r421a08": r421a08.R421a08(1),
    "waveshare": waveshare.Waveshare(1),
}
DIALECTS = list(CODECS)
ANSWERING = [name for name in DIALECTS if registry.load(name).capabilities.reads_back]
ACKNOWLEDGING = [name for name in DIALECTS if registry.load(name).capabilities.acknowledges]
TIMED = [name for name in DIALECTS if registry.load(name).capabilities.device_timed]
VECTORS = json.loads((ROOT / "tests/relay_vectors.json").read_text(encoding="utf-8"))
PULSE_MS = 1_000


def test_every_dialect_has_a_driver_and_a_board() -> None:
    assert boards.base.names() == DIALECTS
    assert registry.names() == sorted([*DIALECTS, "gpio"]), "pins have no wire (test_gpio)"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_vectors_of_a_dialect(dialect: str) -> None:
    codec, checked = CODECS[dialect], 0
    for vector in VECTORS:
        if vector["dialect"] != dialect or vector["what"] not in ("on", "off", "pulse"):
            continue
        channel = vector["channel"]
        match vector["what"]:
            case "on":
                exchange = codec.on(channel)
            case "off":
                exchange = codec.off(channel)
            case _:
                exchange = codec.pulse(channel, vector["pulse_ms"])
        if "request_text" in vector:
            assert exchange.request == vector["request_text"].encode()
        else:
            assert exchange.request == bytes.fromhex(vector["request"])
            assert exchange.acknowledgement == bytes.fromhex(vector["reply"])
        checked += 1
    assert checked


def made(dialect: str) -> Board:
    kind = boards.base.load(dialect)
    return kind(min(8, kind.max_channels))


EXCHANGES = [
    vector
    for vector in VECTORS
    if "request" in vector
    and "reply" in vector
    # A coil of its own that no driver of ours uses.
    and (vector["dialect"], vector["what"]) != ("waveshare", "all off")
]


@pytest.mark.parametrize("vector", EXCHANGES, ids=lambda each: f"{each['dialect']} {each['what']}")
def test_the_emulated_board_answers_by_the_vectors(vector: dict[str, Any]) -> None:
    kind = boards.base.load(vector["dialect"])
    board = kind(min(vector.get("channels", 8), kind.max_channels))
    for channel, on in enumerate(vector.get("coils", ()), start=1):
        board.switch(channel, bool(on), 0)
    answer = board.receive(bytes.fromhex(vector["request"]), 0)
    assert answer == bytes.fromhex(vector["reply"])


_names = count()


class Bench:
    """A driver, a wire in memory, and the emulated board behind it."""

    def __init__(self, dialect: str) -> None:
        protocol_sim.register()
        self.driver = registry.load(dialect)
        self.clock = VirtualClock()
        self.board = made(dialect)
        self.wire = Wire(f"bench{next(_names)}", self.board, self.clock)
        self.settings = RelaySettings(dialect, self.wire.url, range(1, len(self.board.coils) + 1))

    def open(self) -> Relay:
        return open_with_off(self.driver, self.settings, self.clock)

    def pass_ms(self, span_ms: int) -> None:
        self.clock.sleep_ms(span_ms)
        self.board.advance(self.clock.now_ms())


@pytest.fixture(params=DIALECTS)
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


def test_opening_tells_every_channel_off(bench: Bench) -> None:
    for channel in range(1, len(bench.board.coils) + 1):
        bench.board.switch(channel, True, 0)
    bench.open().close()
    assert not any(bench.board.coils)


def test_on_energises_that_channel_alone_and_off_ends_it(bench: Bench) -> None:
    relay = bench.open()
    for channel in relay.channels:
        confirmed = relay.on(channel, PULSE_MS)
        lit = [at for at, on in enumerate(bench.board.coils, start=1) if on]
        assert lit == [channel]
        assert relay.off(channel) == confirmed
        assert not any(bench.board.coils)
        capabilities = relay.capabilities
        assert confirmed == (capabilities.acknowledges or capabilities.reads_back)
    relay.check()
    relay.close()


@pytest.mark.parametrize("dialect", TIMED)
def test_a_board_that_times_the_pulse_ends_it_though_the_host_is_dead(dialect: str) -> None:
    bench = Bench(dialect)
    relay = bench.open()
    relay.on(1, PULSE_MS)
    relay.close()
    bench.pass_ms(PULSE_MS - 100)
    assert bench.board.coils[0]
    bench.pass_ms(100)
    assert not bench.board.coils[0]


@pytest.mark.parametrize("dialect", TIMED)
def test_without_the_boards_timer_only_off_ends_it(dialect: str) -> None:
    bench = Bench(dialect)
    driver = registry.load(dialect)
    settings = replace(bench.settings, device_timed=False)
    relay = open_with_off(driver, settings, bench.clock)
    assert not relay.capabilities.device_timed
    relay.on(1, 250)
    bench.pass_ms(60_000)
    assert bench.board.coils[0]
    relay.off(1)
    assert not bench.board.coils[0]


@pytest.mark.parametrize("dialect", ACKNOWLEDGING)
def test_a_lost_acknowledgement_is_no_answer_and_nothing_is_sent_twice(dialect: str) -> None:
    bench = Bench(dialect)
    relay = bench.open()
    frames: list[str] = []
    bench.board.on_frame = lambda frame: frames.append(frame.meaning) if frame.to_board else None
    bench.wire.carry = lambda answer: b""
    with pytest.raises(NoAnswer, match="answered nothing"):
        relay.on(1, PULSE_MS)
    assert len(frames) == 1


@pytest.mark.parametrize("dialect", ACKNOWLEDGING)
@pytest.mark.parametrize(
    "carry", [lambda a: a[: len(a) // 2], lambda a: bytes(b ^ 0x15 for b in a)]
)
def test_half_an_answer_and_a_garbled_one_are_bad_answers(dialect: str, carry: object) -> None:
    bench = Bench(dialect)
    relay = bench.open()
    bench.wire.carry = carry  # type: ignore[assignment]
    with pytest.raises(BadAnswer, match="no answer to that"):
        relay.on(1, PULSE_MS)


@pytest.mark.parametrize("dialect", ["waveshare", "r421a08"])
def test_another_boards_answer_is_none_of_ours(dialect: str) -> None:
    bench = Bench(dialect)
    relay = bench.open()
    other = {"waveshare": waveshare.Waveshare(2), "r421a08": r421a08.R421a08(2)}[dialect]
    bench.wire.carry = lambda answer: other.on(1).acknowledgement
    with pytest.raises(BadAnswer):
        relay.on(1, PULSE_MS)


@pytest.mark.parametrize("dialect", [name for name in ANSWERING if name != "devantech"])
def test_answers_in_pieces_and_amid_noise_are_understood(dialect: str) -> None:
    """devantech is left out: its answer is one byte without a check (docs/hardware)."""

    @given(piece=st.integers(1, 9), before=st.binary(max_size=6), after=st.binary(max_size=6))
    def understood(piece: int, before: bytes, after: bytes) -> None:
        # Noise that by itself is a frame of this dialect can't be told from one.
        before = bytes(byte for byte in before if byte not in (1, 0xA0, 0xFF))
        after = bytes(byte for byte in after if byte not in (1, 0xA0, 0xFF))
        bench = Bench(dialect)
        bench.wire.piece = piece
        bench.wire.carry = lambda answer: before + answer + after
        relay = bench.open()
        assert relay.on(1, PULSE_MS)
        assert relay.off(1)

    understood()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_board_takes_its_bytes_in_any_pieces(dialect: str) -> None:
    @given(cuts=st.lists(st.integers(1, 12), min_size=1, max_size=20))
    def taken(cuts: list[int]) -> None:
        board, codec = made(dialect), CODECS[dialect]
        for exchange, on in ((codec.on(1), True), (codec.off(1), False), (codec.on(1), True)):
            data = exchange.request
            for cut in cuts:
                board.receive(data[:cut], 0)
                data = data[cut:]
            board.receive(data, 0)
            assert board.coils[0] is on

    taken()


@pytest.mark.parametrize("dialect", ANSWERING)
def test_a_coil_that_never_closes_is_told(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(dialect)
    relay = bench.open()
    monkeypatch.setattr(bench.board, "switch", lambda *_, **__: "stuck")
    # The acknowledgement of lcus-feedback is the coil itself, so that it fails one step earlier.
    with pytest.raises((StuckOff, BadAnswer)):
        relay.on(1, PULSE_MS)


@pytest.mark.parametrize("dialect", ANSWERING)
def test_a_welded_contact_is_told(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(dialect)
    relay = bench.open()
    relay.on(1, PULSE_MS)
    monkeypatch.setattr(bench.board, "switch", lambda *_, **__: "welded")
    with pytest.raises((StuckOn, BadAnswer)):
        relay.off(1)


def test_a_write_that_timed_out_is_never_repeated(bench: Bench) -> None:
    relay = bench.open()
    frames: list[str] = []
    bench.board.on_frame = lambda frame: frames.append(frame.meaning) if frame.to_board else None
    bench.wire.write_timeouts = 1
    with pytest.raises(WriteTimedOut):
        relay.on(1, PULSE_MS)
    assert len(frames) == 1


def test_a_cable_that_is_out(bench: Bench) -> None:
    relay = bench.open()
    bench.wire.unplug()
    for use in (relay.check, lambda: relay.on(1, PULSE_MS), lambda: relay.off(1)):
        with pytest.raises(PortLost):
            use()
    relay.close()
    with pytest.raises(PortMissing):
        bench.open()


def test_a_refusal_is_known_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A strictly standard board at the end of the wire: exception 3 to a time in FC05."""
    config = load(written(tmp_path, hardware={"relay": _relay("waveshare")}, slots=_slots(200)))
    world = World(config, tmp_path)
    world.boot()
    world.wait(2_000)
    board = world.board
    assert isinstance(board, WaveshareBoard)
    do = board._do

    def strictly(frame: bytes, first: int, second: int, now_ms: int) -> tuple[str, bytes]:
        return ("no coil", b"") if first >= 0x200 else do(frame, first, second, now_ms)

    monkeypatch.setattr(board, "_do", strictly)
    for _ in range(2):
        token, page = world.token, world.fetch(world.token)
        world.wait(page.wait_ms)
        world.tap(token, page.mark)
        assert world.fetch(token, page.mark).word is Word.FAILED
        world.wait(1_000)
    assert not any(world.board.coils)
    assert [entry.outcome for entry in world.entries()] == [Outcome.FAILED] * 2
    assert world.controller is not None
    status = world.controller.runner.feed.status
    assert [slot.remaining for slot in status.slots] == [12, 12], "the drinks are where they were"
    assert (status.state, status.reason) == (State.OUT_OF_SERVICE, Reason.NO_SLOT_TO_TRUST)
    assert "exception 3" in status.detail
    world.close()


def test_a_board_that_refuses_and_energises_all_the_same_is_told_off(tmp_path: Path) -> None:
    config = load(written(tmp_path, hardware={"relay": _relay("waveshare")}, slots=_slots(10_000)))
    world = World(config, tmp_path)
    world.boot()
    world.wait(2_000)
    refusal = bytes.fromhex("01 85 03")
    world.wire.carry = lambda answer: (
        refusal + crc(refusal) if answer[1:3] == b"\x05\x02" else answer
    )
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    world.tap(token, page.mark)
    assert [type(seen) for seen in world.trace if isinstance(seen, RelaySwitched) and seen.on]
    assert not any(world.board.coils)
    world.close()


def _relay(dialect: str, **more: object) -> dict[str, object]:
    channels = min(2, registry.load(dialect).max_channels)
    return {"driver": dialect, "port": "/dev/null", "channels": channels, **more}


def _slots(pulse_ms: int, channels: int = 2) -> list[dict[str, object]]:
    return [
        {"name": f"slot {n}", "channel": n, "capacity": 12, "pulse_ms": pulse_ms}
        for n in range(1, channels + 1)
    ]


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_visit_with_each_board(tmp_path: Path, dialect: str, timed: bool) -> None:
    """The whole machine, with the safety properties watching."""
    driver = registry.load(dialect)
    slots = _slots(PULSE_MS, min(2, driver.max_channels))
    relay = _relay(dialect, device_timed=timed)
    world = World(load(written(tmp_path, hardware={"relay": relay}, slots=slots)), tmp_path)
    world.boot()
    world.wait(2_000)
    for _ in range(3):
        token, page = world.token, world.fetch(world.token)
        world.wait(page.wait_ms)
        world.tap(token, page.mark)
        assert sum(world.board.coils) == 1
        world.wait(PULSE_MS + 500)
        assert not any(world.board.coils)
        assert world.state is State.IDLE
    capabilities = driver.capabilities
    answers = capabilities.acknowledges or capabilities.reads_back
    expected = Outcome.RELAY_CONFIRMED if answers else Outcome.COMMANDED
    assert [entry.outcome for entry in world.entries()] == [expected] * 3
    world.close()


# -- the config ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "pulse_ms", "nearest_ms"),
    [
        ("waveshare", 740, 700),
        ("waveshare", 101, 100),
        ("r421a08", 700, 1000),
        ("r421a08", 2600, 3000),
        ("hw667", 700, 1000),
    ],
)
def test_a_pulse_that_the_board_cannot_time_is_told_with_the_nearest(
    tmp_path: Path, dialect: str, pulse_ms: int, nearest_ms: int
) -> None:
    slots = _slots(pulse_ms, 1)
    path = written(tmp_path, hardware={"relay": _relay(dialect)}, slots=slots)
    with quench("check", "--config", path) as program:
        assert program.end() == 78
    told = f"{dialect} boards can't time {pulse_ms} ms; allowed: {nearest_ms}, the nearest"
    assert told in program.said
    slots = _slots(nearest_ms, 1)
    load(written(tmp_path, hardware={"relay": _relay(dialect)}, slots=slots))
    relay = _relay(dialect, device_timed=False)
    load(written(tmp_path, hardware={"relay": relay}, slots=_slots(pulse_ms, 1)))


# -- a real pty ------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_real_board_program_on_a_pty(dialect: str, tmp_path: Path) -> None:
    from controller.clock import MonotonicClock

    link, driver = tmp_path / "board", registry.load(dialect)
    channels = min(4, driver.max_channels)
    settings = RelaySettings(dialect, str(link), range(1, channels + 1))
    with quench("board", dialect, "--channels", str(channels), "--link", link) as board:
        board.wait_for("^quench: .* at ")
        relay = open_with_off(driver, settings, MonotonicClock())
        relay.on(channels, PULSE_MS)
        board.wait_for(f"channel {channels} ON")
        relay.off(channels)
        board.wait_for(f"channel {channels} OFF, was on for")
        relay.check()
        relay.close()


def test_a_refusal_names_the_exception() -> None:
    codec = waveshare.Waveshare(1)
    asked = codec.pulse(1, 700).request
    refused = codec.refusal(asked, bytes.fromhex("00 01 85 01 83 50"))
    assert isinstance(refused, Refused)
    assert "exception 1" in str(refused)
    assert codec.refusal(asked, asked) is None
    assert codec.refusal(asked, bytes.fromhex("01 85 01 83 51")) is None, "its sum is wrong"
    failed = bytes.fromhex("01 85 04")
    assert codec.refusal(asked, failed + crc(failed)) is None, "it may have been energised"
