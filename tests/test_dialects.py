"""Every dialect: its bytes by the vectors, and the whole machine with its board.

What its driver does with its board is the contract's (test_contract).
"""

import json
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controller.config import load
from controller.door import Word
from controller.events import Outcome
from controller.machine import Reason
from controller.table import State
from drivers import registry
from drivers.hal import (
    Refused,
    RelaySettings,
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
from sim import boards
from sim.boards.base import Board
from sim.boards.waveshare import WaveshareBoard
from sim.trace import RelaySwitched
from sim.world import World
from tests.conftest import ROOT
from tests.processes import quench, written

CODECS: dict[str, Codec] = {
    "devantech": devantech.Devantech(),
    "hw667": hw667.Hw667(),
    "kmtronic": kmtronic.Kmtronic(8),
    "lcus": lcus.Lcus(),
    "lcus-feedback": lcus_feedback.LcusFeedback(),
    "numato": numato.Numato(),
    "r421a08": r421a08.R421a08(1),
    "waveshare": waveshare.Waveshare(1, 8),
}
DIALECTS = list(CODECS)
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
    board = kind(vector.get("channels") or len(vector.get("coils", ())) or kind.max_channels)
    for channel, on in enumerate(vector.get("coils", ()), start=1):
        board.switch(channel, bool(on), 0)
    answer = board.receive(bytes.fromhex(vector["request"]), 0)
    assert answer == bytes.fromhex(vector["reply"])


COMMANDS_BEGIN_WITH = {
    "devantech": bytes((0x5A, 0x5B, *range(0x64, 0x77))),
    "hw667": b"\xaa\xbb\xcc",
    "kmtronic": b"\xff",
    "lcus": b"\xa0\xff",
    "lcus-feedback": b"\xa0\xff",
    "numato": b"\r",  # which ends one
    "r421a08": b"\x01",
    "waveshare": b"\x01",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_board_takes_its_bytes_in_any_pieces_and_amid_garbage(dialect: str) -> None:
    harmless = [byte for byte in range(256) if byte not in COMMANDS_BEGIN_WITH[dialect]]
    garbage = st.lists(st.sampled_from(harmless), max_size=6).map(bytes)

    @example([65_536], b"", b"")
    @example([1], b"", b"")
    @given(st.lists(st.integers(1, 12), min_size=1, max_size=20), garbage, garbage)
    def taken(pieces: list[int], before: bytes, after: bytes) -> None:
        board, codec = made(dialect), CODECS[dialect]
        for exchange, on in ((codec.on(1), True), (codec.off(1), False), (codec.on(1), True)):
            data = before + exchange.request + after
            sizes = cycle(pieces)
            while data:
                size = next(sizes)
                board.receive(data[:size], 0)
                data = data[size:]
            assert board.coils[0] is on

    taken()


def test_a_refusal_is_known_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A strictly standard board at the end of the wire: exception 3 to a time in FC05."""
    config = load(written(tmp_path, hardware={"relay": _relay("waveshare")}, slots=_slots(200)))
    world = World(config)
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
    world = World(config)
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
    world = World(load(written(tmp_path, hardware={"relay": relay}, slots=slots)))
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


def test_an_lcus_board_has_its_rest_between_two_frames(tmp_path: Path) -> None:
    """It loses commands that come closer together than about 100 ms: the second OFF, say."""
    config = written(tmp_path, hardware={"relay": _relay("lcus")}, slots=_slots(PULSE_MS))
    world = World(load(config))
    frames_ms: list[int] = []
    world.board.on_frame = lambda frame: frames_ms.append(frame.at_ms)
    world.boot()
    world.wait(2_000)
    world.stop()
    world.close()
    assert len(frames_ms) == 2 * 2, "all off, twice"
    assert min(after - before for before, after in pairwise(frames_ms)) >= 100


def test_a_pulse_that_is_over_before_the_board_is_asked_was_one(tmp_path: Path) -> None:
    """A slow line, and a short pulse that the board ends by itself: OFF says nothing then."""
    relay = _relay("waveshare", device_timed=True)
    world = World(load(written(tmp_path, hardware={"relay": relay}, slots=_slots(100))))
    world.boot()
    world.wait(2_000)
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)

    def slowly(answer: bytes) -> bytes:
        world.clock.sleep_ms(120)
        return answer

    world.wire.carry = slowly
    world.tap(token, page.mark)
    world.wait(1_000)
    assert world.fetch(token, page.mark).word is Word.ENJOY
    assert [entry.outcome for entry in world.entries()] == [Outcome.RELAY_CONFIRMED]
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
    codec = waveshare.Waveshare(1, 8)
    asked = codec.pulse(1, 700).request
    refused = codec.refusal(asked, bytes.fromhex("00 01 85 01 83 50"))
    assert isinstance(refused, Refused)
    assert "exception 1" in str(refused)
    assert codec.refusal(asked, asked) is None
    assert codec.refusal(asked, bytes.fromhex("01 85 01 83 51")) is None, "its sum is wrong"
    failed = bytes.fromhex("01 85 04")
    assert codec.refusal(asked, failed + crc(failed)) is None, "it may have been energised"


@pytest.mark.parametrize(
    ("codec", "coils", "question"),
    [
        (kmtronic.Kmtronic(2), "01", "FF 02 03"),
        (kmtronic.Kmtronic(4), "0101", "FF 09 00"),
        (waveshare.Waveshare(1, 8), "10100000", "01 01 00 00 00 08 3D CC"),
        (waveshare.Waveshare(1, 16), "0100000000000010", "01 01 00 00 00 10 3D C6"),
    ],
)
def test_a_coil_is_asked_for_as_boards_of_that_size_want_it(
    codec: Codec, coils: str, question: str
) -> None:
    kind = boards.base.load("kmtronic" if isinstance(codec, kmtronic.Kmtronic) else "waveshare")
    board = kind(len(coils))
    assert codec.status(2) == bytes.fromhex(question)
    for channel, on in enumerate(coils, start=1):
        board.switch(channel, on == "1", 0)
    for channel, on in enumerate(coils, start=1):
        heard = board.receive(codec.status(channel), 0)
        assert codec.coil(channel, heard) is (on == "1")
        assert codec.coil(channel, heard[:-1]) is None
