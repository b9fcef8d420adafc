"""Cables that come out, ports that others take, rights that are missing: and back by itself.

Real processes and real ptys. The port of the machine is a link, as udev makes them.
"""

import fcntl
import os
import re
import termios
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
import serial

from tests.processes import Program, machine, open_files

IN_SERVICE = "^quench: in service$"


@pytest.fixture
def port(tmp_path: Path) -> Path:
    """The machine's port. It links to the board, which may be plugged in or not."""
    path = tmp_path / "by-id" / "usb-1a86_USB_Serial-if00-port0"
    path.parent.mkdir()
    path.symlink_to(tmp_path / "board")
    return path


def is_lost(controller: Program, url: str, why: str) -> None:
    controller.wait_for(f"^quench: out of service: relay_lost: {re.escape(why)}$")
    status = httpx.get(f"{url}/api/status").json()
    assert (status["state"], status["reason"]) == ("out_of_service", "relay_lost")


def as_anybody() -> list[str]:
    """What a command is started within, so that nothing is allowed to it because it is root's."""
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []


def moved(board: Program, port: Path) -> Path:
    """The board is pulled, its link goes, and it is plugged in again where nobody looks yet."""
    board.type("unplug")
    board.wait_for("^quench: unplugged$")
    port.unlink()
    elsewhere = port.parent.parent / "ttyUSB1"
    board.type(f"plug {elsewhere}")
    board.wait_for(f"^quench: plugged in at {elsewhere}$")
    return elsewhere


def test_a_link_that_comes_back_as_another_port(tmp_path: Path, port: Path) -> None:
    with machine(tmp_path, relay={"port": str(port)}) as (controller, board, url):
        controller.wait_for(IN_SERVICE)
        elsewhere = moved(board, port)
        controller.wait_for(rf"relay_lost: {port}: the cable is out \(.*\)$")
        is_lost(controller, url, f"{port}: no such port; is the board plugged in?")
        port.symlink_to(elsewhere)
        controller.wait_for(IN_SERVICE, 2)
        board.wait_for("A0 02 00 A2", 2)


def test_a_port_that_is_gone_as_soon_as_it_came(tmp_path: Path, port: Path) -> None:
    """As when another program takes the driver from the device: each time it was opened."""
    with machine(tmp_path, relay={"port": str(port)}) as (controller, board, _):
        controller.wait_for(IN_SERVICE)
        before = open_files(controller.pid)
        for theft in range(1, 3):
            board.wait_for("A0 01 00 A1", theft)
            board.type("unplug")
            controller.wait_for("the cable is out", theft)
            controller.wait_for("no such port", theft)
            served = len(re.findall(IN_SERVICE, controller.said, re.MULTILINE))
            board.type("plug")
        controller.wait_for(IN_SERVICE, served + 1)
        assert open_files(controller.pid) == before


def test_a_port_that_this_user_may_not_open(tmp_path: Path, port: Path) -> None:
    relay = {"port": str(port)}
    with machine(tmp_path, within=as_anybody(), relay=relay) as (controller, board, url):
        controller.wait_for(IN_SERVICE)
        elsewhere = moved(board, port)
        mode = elsewhere.stat().st_mode
        elsewhere.chmod(0)
        port.symlink_to(elsewhere)
        is_lost(controller, url, f"{port}: permission denied; add this user to the group 'dialout'")
        elsewhere.chmod(mode)
        controller.wait_for(IN_SERVICE, 2)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """As pyserial does."""
    with serial.Serial(str(path), exclusive=True):
        yield


@contextmanager
def excluded(path: Path) -> Iterator[None]:
    """As older programs do: the kernel refuses to open it."""
    file = os.open(path, os.O_RDWR | os.O_NOCTTY)
    fcntl.ioctl(file, termios.TIOCEXCL)
    yield
    # The last one to close it would end this too; but the board keeps its pty open.
    fcntl.ioctl(file, termios.TIOCNXCL)
    os.close(file)


@pytest.mark.parametrize("taken", [locked, excluded])
def test_a_port_that_another_program_takes_first(
    tmp_path: Path, port: Path, taken: Callable[[Path], AbstractContextManager[None]]
) -> None:
    relay = {"port": str(port)}
    with machine(tmp_path, within=as_anybody(), relay=relay) as (controller, board, url):
        controller.wait_for(IN_SERVICE)
        elsewhere = moved(board, port)
        with taken(elsewhere):
            port.symlink_to(elsewhere)
            why = "the port is in use by another program;"
            why += " on Debian brltty takes such boards: apt purge brltty"
            is_lost(controller, url, f"{port}: {why}")
            assert board.hear().count("A0 01 00 A1") == 1, "nothing is written into others' talk"
        controller.wait_for(IN_SERVICE, 2)
        board.wait_for("A0 02 00 A2", 2)
