"""``quench board``: an emulated board that any program can open as a serial port."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from sim.boards import base
from tests.processes import PATIENCE_S, Program, quench

ON_1, OFF_1 = bytes.fromhex("A0 01 01 A2"), bytes.fromhex("A0 01 00 A1")
ON_2 = bytes.fromhex("A0 02 01 A3")
STATUS = b"\xff"


@contextmanager
def board(link: Path, *more: str) -> Iterator[Program]:
    with quench("board", "lcus", "--link", link, *more) as program:
        program.wait_for(rf"^quench: lcus board with \d channels at {link}$")
        yield program


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "board"


def opened(path: Path) -> serial.Serial:
    return serial.Serial(str(path), timeout=PATIENCE_S, write_timeout=PATIENCE_S)


def coils(port: serial.Serial, channels: int = 2) -> list[bool]:
    """What the board itself says of its relays."""
    port.write(STATUS)
    lines = [port.readline() for _ in range(channels)]
    names = [b"CH%d" % channel for channel in range(1, channels + 1)]
    assert [line.split(b":")[0] for line in lines] == names
    return [line.split()[1] == b"ON" for line in lines]


def frames(program: Program) -> list[str]:
    """Each frame for the board that was printed so far: its bytes and what they mean."""
    lines = [line.split("-> board  ") for line in program.hear().splitlines()]
    return [" ".join(line[1].split()) for line in lines if len(line) == 2]


# -- frames ------------------------------------------------------------------------------


def test_each_frame_is_printed_decoded_and_done(link: Path) -> None:
    with board(link) as program, opened(link) as port:
        assert coils(port) == [False, False]
        port.write(ON_1)
        program.wait_for(r"^ +\d+\.\d{3} s  -> board  A0 01 01 A2  channel 1 ON$")
        port.write(ON_2)
        program.wait_for(r"^ +\d+\.\d{3} s  -> board  A0 02 01 A3  channel 2 ON$")
        assert coils(port) == [True, True]
        port.write(OFF_1)
        program.wait_for(
            r"^ +\d+\.\d{3} s  -> board  A0 01 00 A1  channel 1 OFF, was on for \d+ ms$"
        )
        assert coils(port) == [False, True]
        program.wait_for(r"^ +\d+\.\d{3} s  <- board  (43 48 3\d 3A .*0D 0A ?){2} *answer$", 3)


def test_a_frame_for_a_relay_that_is_not_there_is_told(link: Path) -> None:
    with board(link) as program, opened(link) as port:
        port.write(bytes.fromhex("A0 03 01 A4"))
        program.wait_for(r"-> board  A0 03 01 A4  channel 3: no such channel$")
        assert coils(port) == [False, False]


@pytest.mark.parametrize("channels", [2, 8])
def test_it_has_the_channels_that_were_asked_for(link: Path, channels: int) -> None:
    with board(link, "--channels", str(channels)) as program, opened(link) as port:
        assert f"lcus board with {channels} channels" in program.said
        port.write(bytes((0xA0, channels, 1, 0xA1 + channels)))
        assert coils(port, channels) == [*[False] * (channels - 1), True]


def test_without_a_link_it_says_its_own_path() -> None:
    with quench("board", "lcus") as program:
        path = program.wait_for(r"^quench: lcus board with 2 channels at (/dev/\S+)$").group(1)
        with opened(Path(path)) as port:
            port.write(ON_1)
            program.wait_for("channel 1 ON$")
        assert program.stop() == 0


# -- what is no frame --------------------------------------------------------------------


@pytest.mark.parametrize(
    "noise",
    [
        "00",
        "48 45 4C 4C 4F",
        "A0 01 01 A3",  # the sum is wrong
        "A0 01 00 A2",
        "A0 01 02 A3",  # neither ON nor OFF
        "A1 01 01 A3",
        "A2 01 01 A0",  # backwards
        "01 01 A2",  # its head is lost
        "A0 01 A0 01 01",
    ],
)
def test_what_is_no_frame_is_told_and_switches_nothing(link: Path, noise: str) -> None:
    with board(link) as program, opened(link) as port:
        port.write(bytes.fromhex(noise))
        # What might still become a frame is waited for; these four bytes end the wait.
        port.write(bytes(4))
        assert coils(port) == [False, False]
        program.wait_for(r"status\?$")
        told = frames(program)
        assert told[-1] == "FF status?"
        assert all(line.endswith("not understood") for line in told[:-1])
        heard = " ".join(line.removesuffix(" not understood") for line in told[:-1])
        assert heard == f"{noise} 00 00 00 00"
        port.write(ON_1)
        program.wait_for("channel 1 ON$")
        assert coils(port) == [True, False]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_half_a_frame_switches_nothing_until_the_rest_is_there(link: Path, size: int) -> None:
    with board(link) as program, opened(link) as port:
        port.write(b"\x00" + ON_2[:size])
        program.wait_for("00 +not understood$")  # so it has been read
        assert frames(program) == ["00 not understood"]
        port.write(ON_2[size:])
        program.wait_for("A0 02 01 A3  channel 2 ON$")
        assert coils(port) == [False, True]


def test_half_a_frame_that_stays_one_harms_no_whole_one(link: Path) -> None:
    with board(link) as program, opened(link) as port:
        port.write(ON_2[:3] + ON_1)
        program.wait_for("channel 1 ON$")
        assert frames(program) == ["A0 02 01 not understood", "A0 01 01 A2 channel 1 ON"]
        assert coils(port) == [True, False]


# -- programs that come and go -----------------------------------------------------------


def test_a_board_outlives_the_programs_that_open_it(link: Path) -> None:
    with board(link) as program:
        for number in range(1, 6):
            with opened(link) as port:
                port.write(ON_1)
                program.wait_for("channel 1 ON$", number)
            with opened(link) as port, opened(link) as other:
                assert coils(port) == [True, False], "what comes and goes switches nothing"
                other.write(OFF_1)
                program.wait_for("channel 1 OFF", number)
        with opened(link) as port:
            port.write(ON_2[:2])
        with opened(link) as port:
            port.write(ON_2[2:])
            program.wait_for("channel 2 ON$")
        assert program.running()


# -- the link ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_link_is_gone_in_the_end(link: Path, number: int) -> None:
    with board(link) as program:
        assert link.is_symlink()
        os.kill(program.pid, number)
        assert program.end() == 0
    assert not link.is_symlink()
    assert "Traceback" not in program.said


def test_the_link_is_gone_in_the_end_though_a_program_has_it_open(link: Path) -> None:
    with board(link) as program, opened(link):
        assert program.stop() == 0
    assert not link.is_symlink()


def test_a_link_that_a_killed_board_left_is_taken_over(link: Path) -> None:
    with board(link) as killed:
        killed.kill()
    assert link.is_symlink()
    with board(link) as program, opened(link) as port:
        port.write(ON_1)
        program.wait_for("channel 1 ON$")
        assert program.stop() == 0
    assert not link.is_symlink()


def test_a_board_leaves_the_link_of_the_next_one(link: Path) -> None:
    with board(link) as first, board(link) as second:
        assert first.stop() == 0
        with opened(link) as port:
            port.write(ON_1)
            second.wait_for("channel 1 ON$")
        assert second.stop() == 0
    assert not link.is_symlink()


def refused(*arguments: str | Path) -> str:
    """The one line of a board that did not come up."""
    with quench("board", *arguments) as program:
        assert program.end() == 1, program.said
    (line,) = program.said.splitlines()
    return line


def test_a_file_in_the_way_is_left_there(link: Path) -> None:
    link.write_text("a shopping list", encoding="utf-8")
    told = f"{link}: there is a file already; give another path, or remove it"
    assert refused("lcus", "--link", link) == told
    assert link.read_text(encoding="utf-8") == "a shopping list"


def test_a_folder_in_the_way_is_left_there(link: Path) -> None:
    link.mkdir()
    told = f"{link}: there is a file already; give another path, or remove it"
    assert refused("lcus", "--link", link) == told
    assert link.is_dir()


def test_a_link_in_a_folder_that_is_not_there(link: Path) -> None:
    assert refused("lcus", "--link", link / "below") == f"{link}/below: no such file or directory"
    link.write_text("a file", encoding="utf-8")
    assert refused("lcus", "--link", link / "below") == f"{link}/below: not a directory"


# -- what was typed ----------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["lcsu", "LCUS", "base", "../lcus", ""])
def test_a_dialect_that_no_board_speaks(link: Path, dialect: str) -> None:
    told = f"no emulated board speaks {dialect!r}; there are: {', '.join(base.names())}"
    assert "lcus" in base.names()
    assert refused(dialect, "--link", link) == told
    assert not link.is_symlink()


@pytest.mark.parametrize("channels", [0, -1, 9, 10**30])
def test_channels_that_no_such_board_has(link: Path, channels: int) -> None:
    told = f"this board has 1 to 8 channels, not {channels}"
    assert refused("lcus", "--channels", str(channels), "--link", link) == told
    assert not link.is_symlink()


@pytest.mark.parametrize("channels", ["two", "2.5", ""])
def test_channels_that_are_no_number(channels: str) -> None:
    with quench("board", "lcus", "--channels", channels) as program:
        assert program.end() == 2
    told = f"quench board: error: argument --channels: invalid int value: {channels!r}"
    assert program.said.splitlines()[-1] == told
