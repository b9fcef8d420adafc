"""``quench relay``: bring-up by hand, against emulated boards on a pty."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from controller.cli import main
from drivers import registry
from drivers.bringup import SILENT, probe, questions
from sim import boards, protocol_sim
from sim.boards.base import Switched
from sim.clock import VirtualClock
from sim.link import Wire
from tests.processes import Program, quench

READING = [name for name in registry.names() if registry.load(name).capabilities.reads_back]


@pytest.fixture(autouse=True)
def nobody_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO())


@contextmanager
def board(dialect: str, folder: Path) -> Iterator[Program]:
    channels = min(2, registry.load(dialect).max_channels)
    arguments = ("board", dialect, "--channels", str(channels), "--link", folder / "board")
    with quench(*arguments) as program:
        program.wait_for("^quench: .* at ")
        yield program


def said(folder: Path, *arguments: str, code: int = 0) -> list[str]:
    """What the command says; the board is another program, as it is in the hall."""
    out = StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        assert main(["relay", *arguments, "--port", str(folder / "board")]) == code, out.getvalue()
    return out.getvalue().splitlines()


# -- the probe -----------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", boards.base.names())
def test_a_probe_energises_nothing_on_any_board(dialect: str) -> None:
    """All that it ever sends, at every address, to a board of which no answer is heard."""
    protocol_sim.register()
    kind = boards.base.load(dialect)
    board, clock = kind(kind.max_channels), VirtualClock()
    energised: list[Switched] = []
    board.on_switch = lambda switched: energised.append(switched) if switched.on else None
    wire = Wire("probed", board, clock)
    wire.carry = lambda answer: b""
    for address in range(1, 248):
        told = list(probe(wire.url, 9600, address, clock))
        assert [each for each, _ in told] == [each.dialect for each in questions(address)]
        assert "" not in [why_not for _, why_not in told]
    assert energised == []


def test_harm_is_seen() -> None:
    assert not all(each.harmless for address in range(1, 248) for each in questions(address))


@pytest.mark.parametrize("dialect", [name for name in boards.base.names() if name != "hw667"])
def test_a_probe_finds_the_dialect(dialect: str, tmp_path: Path) -> None:
    with board(dialect, tmp_path) as program:
        assert said(tmp_path, "probe")[-1] == f"{dialect}: answers"
        assert " ON" not in program.hear()


def test_a_probe_of_a_board_that_never_answers(tmp_path: Path) -> None:
    with board("hw667", tmp_path) as program:
        *lines, last = said(tmp_path, "probe", code=1)
        assert [line.split(":")[1] for line in lines] == [" no answer"] * 8
        assert last.endswith("nothing answers; boards of hw667 and lcus may not answer at all")
        assert "hw667" in SILENT
        assert " ON" not in program.hear()


# -- by hand ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", READING)
def test_status_looks_and_switches_nothing(dialect: str, tmp_path: Path) -> None:
    flags = ("--driver", dialect, "--channels", "2")
    with board(dialect, tmp_path) as program:
        config = _config(tmp_path, dialect)
        assert said(tmp_path, "on", *flags, "--channel", "2", "--yes") == [
            "channel 2: ON, confirmed"
        ]
        assert said(tmp_path, "status", "--config", config) == ["channel 1: OFF", "channel 2: ON"]
        assert said(tmp_path, "off", *flags, "--channel", "2") == ["channel 2: OFF, confirmed"]
        assert said(tmp_path, "status", "--config", config) == ["channel 1: OFF", "channel 2: OFF"]
        assert program.hear().count("channel 2 ON") == 1


def _config(folder: Path, dialect: str) -> str:
    from tests.processes import written

    relay = {"driver": dialect, "port": "/dev/null", "channels": 2}
    slots = [{"name": "water", "channel": 1, "capacity": 5, "pulse_ms": 1_000}]
    return str(written(folder, hardware={"relay": relay}, slots=slots))


def test_a_pulse_clicks_and_ends(tmp_path: Path) -> None:
    with board("lcus", tmp_path) as program:
        flags = ("pulse", "--driver", "lcus", "--pulse-ms", "150", "--yes")
        assert said(tmp_path, *flags) == ["channel 1: ON for 150 ms"]
        program.wait_for("channel 1 ON")
        program.wait_for(r"channel 1 OFF, was on for \d+ ms")


def test_a_click_is_asked_for_first(tmp_path: Path) -> None:
    with board("lcus", tmp_path) as program:
        for deed in ("on", "pulse"):
            (line,) = said(tmp_path, deed, "--driver", "lcus", code=1)
            assert line.startswith("relay 1 at ")
            assert line.endswith("Go on? [y/N] nothing was switched")
        assert "ON" not in program.hear()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (
            ("on", "--driver", "lucs", "--yes"),
            "no driver is called 'lucs'; there are: " + ", ".join(registry.names()),
        ),
        (
            ("on", "--driver", "hw667", "--channel", "2", "--yes"),
            "hw667 has channels 1 to 1",
        ),
        (("status", "--driver", "lcus"), "lcus relays can't say how their coils are"),
        (
            ("pulse", "--driver", "waveshare", "--pulse-ms", "740", "--yes"),
            "waveshare boards can't time 740 ms; allowed: 700, the nearest",
        ),
        (
            ("pulse", "--driver", "lcus", "--pulse-ms", "99999", "--yes"),
            "99999 ms is out of bounds; allowed: 100 to 10000",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: Path, flags: tuple[str, ...], told: str) -> None:
    assert said(tmp_path, *flags, code=1) == [told]


def test_a_channel_that_the_board_of_the_config_has_not(tmp_path: Path) -> None:
    config = _config(tmp_path, "lcus")
    with board("lcus", tmp_path) as program:
        told = "the board has no channel 3; allowed: 1 to 2, hardware.relay.channels"
        for deed in ("on", "off", "pulse"):
            assert said(tmp_path, deed, "--config", config, "--channel", "3", code=1) == [told]
        assert "A0" not in program.hear()


def test_a_channel_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with board("r421a08", tmp_path):
        first, _, third = said(tmp_path, "status", "--driver", "r421a08", code=1)
        assert first == "channel 1: OFF"
        assert third.startswith("channel 3: ")
        assert third.endswith("(Modbus exception 3); --channels says how many it has, if not 8")
        assert len(said(tmp_path, "status", "--driver", "r421a08", "--channels", "2")) == 2


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    for flags in (("probe",), ("off", "--driver", "lcus")):
        (line,) = said(tmp_path, *flags, code=1)
        assert line == f"{tmp_path}/board: no such port; is the board plugged in?"
