"""What somebody reads when a command cannot work: one clear line, no traceback, the right code."""

import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest
import serial

from controller.cli import main
from controller.journal import Journal
from tests.conftest import ROOT
from tests.processes import quench, written
from tests.small_disk import small_disk

BLIND = "quench: WARNING: hardware.relay: lcus relays neither answer nor time a pulse"
"""What ``quench run`` says first about the board of these tests, whatever comes then."""

READY = r"^quench: ready at (\S+)$"


def ends(*arguments: str | Path) -> tuple[int, list[str]]:
    """The exit code of a command that ends by itself, and the lines that it said."""
    with quench(*arguments) as program:
        code = program.end()
    assert "Traceback" not in program.said, program.said
    return code, [line for line in program.said.splitlines() if not line.startswith(BLIND)]


def typed(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """The same of one that ends before it does anything, without a program for each."""
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    said = capsys.readouterr()
    return int(str(ended.value.code)), (said.out + said.err).splitlines()


# -- the web port ------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "sim"])
def test_a_port_that_another_program_has(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = written(tmp_path, web={"port": port})
        told = f"port {port} is in use by another program; stop it, or choose another port"
        assert ends(command, "--config", config) == (1, [told])
        if command == "sim":
            config = written(tmp_path)
            assert ends(command, "--config", config, "--port", str(port)) == (1, [told])
    assert list(tmp_path.iterdir()) == [config], "nothing was begun"


def test_an_address_that_this_computer_lacks(tmp_path: Path) -> None:
    config = written(tmp_path, web={"host": "192.0.2.1"})
    told = "this computer has no address 192.0.2.1; see web.host"
    assert ends("run", "--config", config) == (1, [told])


# -- the journal -------------------------------------------------------------------------


def test_a_journal_serves_one_machine(tmp_path: Path) -> None:
    config = written(tmp_path)
    journal = tmp_path / "quench.db"
    told = f"{journal}: another quench is running with this journal; stop it first"
    with quench("run", "--config", config) as first:
        url = first.wait_for(READY).group(1)
        assert ends("run", "--config", config) == (1, [told])
        assert ends("sim", "--config", config, "--state-dir", tmp_path) == (1, [told])
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert ends("stock", "--config", config)[0] == 0, "the books may be read beside it"
        first.kill()
    with quench("run", "--config", config) as second:
        second.wait_for(READY)
        assert second.stop() == 0


def a_folder(path: Path) -> None:
    path.mkdir()


def a_text(path: Path) -> None:
    path.write_text("Monday: twelve bottles of water, nine of tea.\n" * 200, encoding="utf-8")


def a_newer_one(path: Path) -> None:
    Journal(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")


def a_damaged_one(path: Path) -> None:
    Journal(path).close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 4])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (a_folder, "cannot be opened; is the path a file in a folder that this user may write?"),
        (a_text, "not a journal; name another file in journal.path"),
        (
            a_newer_one,
            "written by a newer quench (schema 99, this one knows 3); install that version",
        ),
        (a_damaged_one, "damaged; restore a copy, or move it away to begin a new one"),
    ],
)
def test_a_journal_that_is_none(tmp_path: Path, make: Callable[[Path], None], told: str) -> None:
    config = written(tmp_path)
    journal = tmp_path / "quench.db"
    make(journal)
    before = journal.read_bytes() if journal.is_file() else b""
    for command in ("run", "stock", "journal"):
        assert ends(command, "--config", config) == (1, [f"{journal}: {told}"])
    assert (journal.read_bytes() if journal.is_file() else b"") == before, "it is left alone"


def test_a_journal_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    journal = tmp_path / "file" / "below" / "quench.db"
    config = written(tmp_path, journal={"path": str(journal)})
    assert ends("run", "--config", config) == (1, [f"{journal}.lock: not a directory"])
    told = f"{journal}: there is no journal yet; it begins with the first run"
    assert ends("stock", "--config", config) == (1, [told])
    arguments = ("sim", "--config", config, "--state-dir", tmp_path / "file")
    assert ends(*arguments) == (1, [f"{tmp_path}/file/quench.db.lock: file exists"])


def test_no_journal_yet(tmp_path: Path) -> None:
    config = written(tmp_path)
    told = f"{tmp_path}/quench.db: there is no journal yet; it begins with the first run"
    for arguments in (
        ["stock"],
        ["stock", "load", "water"],
        ["journal", "reconcile", "1", "failed"],
    ):
        assert ends(*arguments, "--config", config) == (1, [told])
    assert list(tmp_path.iterdir()) == [config], "who only asks begins nothing"


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What is started within cannot write beyond ``size`` bytes of any file: no room is left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 4_096, 30_000])
def test_no_room_for_the_journal(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first byte on, and later."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # half a .pyc would outlive this test
    config = written(tmp_path)
    with ExitStack() as ended:
        with files_of_at_most(size):
            program = ended.enter_context(quench("run", "--config", config))
        assert program.end() == 1
    *warned, told = program.said.splitlines()
    why = r"the disk (is full; make room|failed \(SQLITE_IOERR\w*\); is it full, .*)"
    assert re.fullmatch(f"{tmp_path}/quench\\.db: {why}", told)
    assert all(line.startswith(BLIND) for line in warned)
    # With room again, what was half made is no hindrance.
    with quench("run", "--config", config) as again:
        again.wait_for(READY)
        assert again.stop() == 0


def test_a_disk_that_is_full_from_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    config = written(tmp_path, journal={"path": str(folder / "quench.db")})
    with (
        small_disk(folder, kib=16) as disk,
        quench("run", "--config", config, within=disk.within) as program,
    ):
        assert program.end() == 1
    assert program.said.splitlines()[-1] == f"{folder}/quench.db: the disk is full; make room"
    assert "Traceback" not in program.said


# -- the serial port ---------------------------------------------------------------------


def reason(url: str) -> tuple[object, object]:
    status = httpx.get(f"{url}/api/status").json()
    return status["state"], status["reason"]


def lost(path: Path, why: str) -> str:
    return f"quench: out of service: relay_lost: {path}: {why}"


def test_a_missing_board_is_told_once_and_awaited(tmp_path: Path) -> None:
    config, port = written(tmp_path), tmp_path / "board"
    with quench("run", "--config", config) as controller:
        url = controller.wait_for(READY).group(1)
        controller.wait_for("out of service")
        assert reason(url) == ("out_of_service", "relay_lost")
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert httpx.get(f"{url}/qr.svg").status_code == 404
        with quench("board", "lcus", "--link", port) as board:
            controller.wait_for("^quench: in service$")
            assert reason(url) == ("idle", None)
            assert httpx.get(f"{url}/qr.svg").status_code == 200
            board.wait_for("A0 01 00 A1")
            board.wait_for("A0 02 00 A2")
            assert controller.stop() == 0
    told = lost(port, "no such port; is the board plugged in?")
    assert [line for line in controller.said.splitlines() if str(port) in line] == [told]
    assert "Traceback" not in controller.said


def test_a_port_that_another_program_holds_is_told_and_awaited(tmp_path: Path) -> None:
    config, port = written(tmp_path), tmp_path / "board"
    with quench("board", "lcus", "--link", port) as board:
        board.wait_for("board with 2 channels at")
        with (
            serial.Serial(str(port), exclusive=True) as holder,
            quench("run", "--config", config) as controller,
        ):
            url = controller.wait_for(READY).group(1)
            controller.wait_for("out of service")
            assert reason(url) == ("out_of_service", "relay_lost")
            assert "A0 01 00" not in board.hear(), "nothing is written into another's talk"
            holder.close()
            controller.wait_for("^quench: in service$")
            board.wait_for("A0 01 00 A1")
            assert controller.stop() == 0
    why = "the port is in use by another program;"
    told = lost(port, f"{why} on Debian brltty takes such boards: apt purge brltty")
    assert [line for line in controller.said.splitlines() if str(port) in line] == [told]


def test_a_port_that_is_a_file_is_told_and_left_alone(tmp_path: Path) -> None:
    config, port = written(tmp_path), tmp_path / "board"
    port.write_text("a shopping list", encoding="utf-8")
    with quench("run", "--config", config) as controller:
        url = controller.wait_for(READY).group(1)
        controller.wait_for("out of service")
        assert reason(url) == ("out_of_service", "relay_lost")
        assert controller.stop() == 0
    told = lost(port, "not a serial port")
    assert [line for line in controller.said.splitlines() if str(port) in line] == [told]
    assert port.read_text(encoding="utf-8") == "a shopping list"


# -- the end -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "sim"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(tmp_path: Path, command: str, number: int) -> None:
    with quench(command, "--config", written(tmp_path)) as program:
        program.wait_for(READY)
        os.kill(program.pid, number)
        assert program.end() == 0, program.said
    assert "Traceback" not in program.said
    assert program.said.splitlines()[-1].startswith("quench: out of service: stopped")


# -- how it is said ----------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "sim"])
def test_each_line_is_written_whole(tmp_path: Path, command: str) -> None:
    """Threads, and standard output and error in one pipe, must not tear each other's lines."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "controller.cli", command, "--config", written(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        theirs.close()
        writes = [ours.recv(65536)]
        while not writes[-1].startswith(b"quench: ready at"):
            writes.append(ours.recv(65536))
            assert writes[-1], b"".join(writes)
        process.terminate()
        while write := ours.recv(65536):
            writes.append(write)
        assert process.wait() == 0
    assert len(writes) > 4
    assert [write for write in writes if not write.endswith(b"\n")] == []


# -- what was typed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", "quench: error: the following arguments are required: COMMAND"),
        ("pour", "quench: error: argument COMMAND: invalid choice: 'pour'"),
        ("run --fast", "quench: error: unrecognized arguments: --fast"),
        ("check config.yaml", "quench: error: unrecognized arguments: config.yaml"),
        ("run --config", "quench run: error: argument --config: expected one argument"),
        (
            "sim --port abc",
            "quench sim: error: argument --port: 'abc' is not a port; allowed: 0 to 65535",
        ),
        (
            "sim --port 65536",
            "quench sim: error: argument --port: '65536' is not a port; allowed: 0 to 65535",
        ),
        (
            "sim --port -1",
            "quench sim: error: argument --port: '-1' is not a port; allowed: 0 to 65535",
        ),
        ("sim --seed x", "quench sim: error: argument --seed: 'x' is not a whole number from 0 up"),
        ("board", "quench board: error: the following arguments are required: dialect"),
        ("stock load", "quench stock load: error: the following arguments are required: slot"),
        (
            "stock load water -3",
            "quench stock load: error: argument drinks: '-3' is not a whole number from 0 up",
        ),
        ("stock pour", "quench stock: error: argument load: invalid choice: 'pour'"),
        (
            "journal --last few",
            "quench journal: error: argument --last: 'few' is not a whole number from 0 up",
        ),
        (
            "journal reconcile x failed",
            "quench journal reconcile: error: argument id: 'x' is not a whole number from 0 up",
        ),
        (
            "journal reconcile 1 lost",
            "quench journal reconcile: error: argument found: invalid choice: 'lost'",
        ),
        (
            "journal reconcile 1",
            "quench journal reconcile: error: the following arguments are required: found",
        ),
    ],
)
def test_a_command_that_is_none(
    command: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = typed(command, capsys)
    assert code == 2
    assert lines[0].startswith("usage: quench")
    assert lines[-1].startswith(told)


def test_a_slot_or_a_dispense_that_nobody_knows(tmp_path: Path) -> None:
    config = written(tmp_path)
    journal = Journal(tmp_path / "quench.db")
    journal.ensure_slot("tea", 12)
    journal.close()
    for command, told in {
        "stock load beer": "no slot is called 'beer'; there are: water, tea",
        "stock load tea 13": "slot tea holds at most 12 drinks, not 13",
        "stock load water": f"{tmp_path}/quench.db: no slot is called water",
        "journal reconcile 7 failed": (
            f"{tmp_path}/quench.db: dispense 7 is not one of unknown outcome; see 'quench journal'"
        ),
    }.items():
        assert ends(*command.split(), "--config", config) == (1, [told])
    assert ends("stock", "load", "tea", "0", "--config", config) == (
        0,
        ["slot tea now holds 0 of 12"],
    )


@pytest.mark.parametrize(
    "command",
    ["", "sim", "run", "check", "board", "stock", "stock load", "journal", "journal reconcile"],
)
@pytest.mark.parametrize("wish", ["--help", "-h"])
def test_help_is_everywhere(command: str, wish: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = typed(f"{command} {wish}", capsys)
    assert code == 0
    assert lines[0].startswith(f"usage: quench {command}".rstrip())
    assert "  -h, --help" in "\n".join(lines)


@pytest.mark.parametrize(("dialect", "risks"), [("lcus", 1), ("waveshare", 0)])
def test_the_operator_is_told_of_a_board_that_only_we_can_switch_off(
    tmp_path: Path, dialect: str, risks: int
) -> None:
    slots = [{"name": "water", "channel": 1, "capacity": 1, "pulse_ms": 200}]
    with quench("run", "--config", written(tmp_path, relay={"driver": dialect}, slots=slots)) as it:
        url = it.wait_for(READY).group(1)
        told = httpx.get(f"{url}/api/status").json()["risks"]
        assert len(told) == it.said.count("WARNING") == risks
        for risk in told:
            assert "nothing but this program will switch a relay off" in risk
            assert risk in it.said
