"""The switches of ``quench board``: thrown at the start or while it runs, seen by a real host."""

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from controller.clock import MonotonicClock
from drivers import registry
from drivers.hal import (
    BadAnswer,
    NoAnswer,
    PortLost,
    PortMissing,
    Relay,
    RelayError,
    RelaySettings,
    StuckOff,
    StuckOn,
    WrongChannel,
    open_with_off,
)
from sim import boards
from sim.faults import Fault
from tests.conftest import ROOT
from tests.processes import PATIENCE_S, Program, machine, quench

PULSE_MS = 5_000


@contextmanager
def board(dialect: str, folder: Path, *more: str) -> Iterator[Program]:
    with quench("board", dialect, "--link", folder / "board", *more, typing=True) as program:
        program.wait_for("^quench: .* board with . channels at ")
        yield program


def opened(dialect: str, path: Path) -> Relay:
    settings = RelaySettings(dialect, str(path), range(1, 3))
    return open_with_off(registry.load(dialect), settings, MonotonicClock())


THROWN = {
    "silent": NoAnswer,
    "slow": NoAnswer,
    "garble": BadAnswer,
    "half": BadAnswer,
    "lost-ack": NoAnswer,
    "stranger": BadAnswer,
    "dead": NoAnswer,
    "stuck-open": StuckOff,
    "crossed": WrongChannel,
}


@pytest.mark.parametrize(("name", "error"), THROWN.items())
def test_a_switch_is_thrown_and_mended_while_it_runs(
    tmp_path: Path, name: str, error: type[RelayError]
) -> None:
    with board("waveshare", tmp_path) as program:
        relay = opened("waveshare", tmp_path / "board")
        program.type(name)
        program.wait_for(f"^quench: {name}: {Fault(name).told}$")
        with pytest.raises(error):
            relay.on(1, PULSE_MS)
        program.type(name)
        program.wait_for(f"^quench: {name}: mended$")
        relay.off(1)
        relay.off(2)
        assert relay.on(1, PULSE_MS)
        relay.close()


def test_welded_is_thrown_for_one_channel_alone(tmp_path: Path) -> None:
    with board("kmtronic", tmp_path, "--fault", "welded:2") as program:
        program.wait_for("^quench: welded:2: never opens")
        relay = opened("kmtronic", tmp_path / "board")
        relay.on(1, PULSE_MS)
        relay.off(1)
        relay.on(2, PULSE_MS)
        with pytest.raises(StuckOn):
            relay.off(2)
        program.wait_for("channel 2 OFF, and stays ON$")
        program.type("coils")
        program.wait_for("^quench: ON: 2$")
        program.type("mend")
        program.wait_for("^quench: mended$")
        relay.off(2)
        program.type("coils")
        program.wait_for("^quench: ON: none$")
        relay.close()


def test_a_stale_status_is_asked_for_again(tmp_path: Path) -> None:
    with board("devantech", tmp_path, "--fault", "stale") as program:
        relay = opened("devantech", tmp_path / "board")
        before = program.hear().count("status?")
        assert relay.on(1, PULSE_MS)
        program.wait_for(r"status\?", before + 2)
        relay.close()


def test_the_cable_is_pulled_and_put_in_under_another_name(tmp_path: Path) -> None:
    with board("lcus", tmp_path) as program:
        relay = opened("lcus", tmp_path / "board")
        program.type("unplug")
        program.wait_for("^quench: unplugged$")
        with pytest.raises(PortLost):
            relay.on(1, PULSE_MS)
        relay.close()
        with pytest.raises(PortMissing):
            opened("lcus", tmp_path / "board")
        program.type(f"plug {tmp_path}/other")
        program.wait_for(f"^quench: plugged in at {tmp_path}/other$")
        relay = opened("lcus", tmp_path / "other")
        relay.on(1, PULSE_MS)
        program.wait_for("channel 1 ON$")
        relay.close()
        program.type("unplug")
        program.type("plug")
        program.wait_for("^quench: plugged in at .*/other$", 2)


def test_it_can_begin_unplugged(tmp_path: Path) -> None:
    with board("lcus", tmp_path, "--fault", "unplug") as program:
        program.wait_for("^quench: unplugged$")
        assert not (tmp_path / "board").is_symlink()
        program.type("plug")
        program.wait_for("^quench: plugged in at .*/board$")
        opened("lcus", tmp_path / "board").close()


def test_help_names_every_switch_and_quit_ends(tmp_path: Path) -> None:
    with board("lcus", tmp_path) as program:
        program.type("help")
        program.wait_for("^  quit ")
        for fault in Fault:
            assert f"\n  {fault.value} " in program.said
        program.type("quit")
        assert program.end() == 0
    assert not (tmp_path / "board").is_symlink()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("siletn", r"no fault is called 'siletn'; there are: .*; did you mean silent\? See 'help'"),
        ("welded:9", "welded:9: this board has 2 channels. See 'help'"),
        ("welded:x", "'x' is not a channel; allowed: welded:1 and so on.* See 'help'"),
        ("silent:1", "silent is of the whole board; allowed: silent.* See 'help'"),
        ("stranger", "stranger: this board has no bus address. See 'help'"),
        ("plug", "the cable is in already; see 'unplug'"),
        ("unplug\nunplug", "the cable is out already; see 'plug'"),
        ("unplug\nplug /no/such/folder", "/no/such/folder: no such file or directory"),
    ],
)
def test_what_cannot_be_done_is_told_and_it_goes_on(tmp_path: Path, line: str, told: str) -> None:
    with board("lcus", tmp_path) as program:
        program.type(line)
        program.wait_for(f"^quench: {told}$")
        program.type("coils")
        program.wait_for("^quench: ON: none$")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--fault", "siletn"), "no fault is called 'siletn'; there are: silent, "),
        (("--fault", "stranger"), "stranger: this board has no bus address"),
        (("--fault", "welded:3"), "welded:3: this board has 2 channels"),
    ],
)
def test_a_switch_that_is_not_there_ends_it_at_once(
    tmp_path: Path, flags: tuple[str, ...], told: str
) -> None:
    with quench("board", "lcus", "--link", tmp_path / "board", *flags) as program:
        assert program.end() == 1
    assert program.said.startswith(told)
    assert len(program.said.splitlines()) == 1


@pytest.mark.parametrize("dialect", boards.base.names())
def test_each_dialect_has_switches(dialect: str, tmp_path: Path) -> None:
    channels = str(min(2, registry.load(dialect).max_channels))
    with board(dialect, tmp_path, "--channels", channels) as program:
        for name in ("silent", "slow", "garble", "half", "stale", "lost-ack", "welded"):
            program.type(name)
            program.wait_for(f"^quench: {name}: {Fault(name).told}$")


def test_without_anybody_who_types_it_goes_on(tmp_path: Path) -> None:
    for closed in ("</dev/null", "<&-"):
        command = f'exec "{sys.executable}" -m controller.cli board lcus --link "$1" {closed}'
        process = subprocess.Popen(
            ["sh", "-c", command, "sh", str(tmp_path / "board")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout is not None
            assert "lcus board" in process.stdout.readline()
            opened("lcus", tmp_path / "board").close()
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0


def test_a_board_in_the_background_leaves_the_terminal_to_its_shell(tmp_path: Path) -> None:
    """A program that reads from its terminal while another is in front is stopped, whole."""
    child, ours = pty.fork()
    if child == 0:  # a shell with a terminal of its own
        command = f'"{sys.executable}" -m controller.cli board lcus --link "$1" & tail -f /dev/null'
        os.chdir(ROOT)
        os.execv("/bin/bash", ["bash", "-c", f"set -m; {command}", "bash", str(tmp_path / "board")])
    try:
        _heard(ours, b"'help' for the switches")
        os.write(ours, b"silent\n")  # it is there to be read, and not the board's
        relay = opened("lcus", tmp_path / "board")
        relay.on(1, PULSE_MS)
        _heard(ours, b"channel 1 ON")
        relay.close()
    finally:
        os.killpg(os.getpgid(child), signal.SIGKILL)
        subprocess.run(["pkill", "-f", str(tmp_path / "board")], check=False)
        os.close(ours)
        os.waitpid(child, 0)


def _heard(terminal: int, text: bytes) -> None:
    said = b""
    while text not in said:
        assert select.select([terminal], [], [], PATIENCE_S)[0], said
        said += os.read(terminal, 4096)


def test_the_machine_is_back_when_a_switch_is(tmp_path: Path) -> None:
    relay = {"driver": "lcus-feedback"}
    with machine(tmp_path, dialect="lcus-feedback", relay=relay) as (controller, program, _):
        controller.wait_for("^quench: in service$")
        program.type("silent")
        controller.wait_for("^quench: out of service: relay_lost: .* has it power")
        program.type("mend")
        controller.wait_for("^quench: in service$", 2)
