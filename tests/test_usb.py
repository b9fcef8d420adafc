"""A port that is named by its USB device, as pyserial's real search finds it.

The program sees a ``/dev`` and a ``/sys`` of the test's: the boards in it are real
ptys, and what ``/sys`` says of them is laid out as the kernel does.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.processes import Program, open_files, quench, with_mounts, written

CH340 = "usb:1a86:7523"


class Usb:
    """The ports of one computer. What is plugged in has a socket, such as ``1-1``."""

    def __init__(self, folder: Path) -> None:
        self.dev, self._sys = folder / "dev", folder / "sys"
        for each in ("dev/pts", "sys/devices", "sys/class/tty", "sys/bus/usb/devices"):
            (folder / each).mkdir(parents=True)
        (self.dev / "null").touch()
        self.within = with_mounts(
            f'mount --bind /dev/null "{self.dev}/null"\n'
            f'mount --rbind /dev/pts "{self.dev}/pts"\n'
            f'mount --rbind "{self.dev}" /dev\n'
            f'mount --rbind "{self._sys}" /sys'
        )

    def enumerate(
        self,
        socket: str,
        tty: str,
        *,
        vendor: str = "1a86",
        product: str = "7523",
        serial: str = "",
        subsystem: str = "usb-serial",
    ) -> Path:
        """What the kernel says of a device in ``socket`` whose port is ``tty``; the port's path."""
        device = self._sys / "devices" / socket
        interface = device / f"{socket}:1.0"
        interface.mkdir(parents=True)
        told = {"idVendor": vendor, "idProduct": product, "bNumInterfaces": " 1"}
        for name, text in (told | ({"serial": serial} if serial else {})).items():
            (device / name).write_text(f"{text}\n", encoding="ascii")
        of_tty = interface / tty if subsystem == "usb-serial" else interface
        of_tty.mkdir(exist_ok=True)
        (of_tty / "subsystem").symlink_to(f"/sys/bus/{subsystem}")
        (self._sys / "bus/usb/devices" / socket).symlink_to(f"/sys/devices/{socket}")
        (self._sys / "class/tty" / tty).mkdir()
        of_tty_inside = Path("/sys") / of_tty.relative_to(self._sys)
        (self._sys / "class/tty" / tty / "device").symlink_to(of_tty_inside)
        return self.dev / tty

    def forget(self, socket: str, tty: str) -> None:
        """The device was pulled out of ``socket``."""
        (self._sys / "bus/usb/devices" / socket).unlink()
        shutil.rmtree(self._sys / "class/tty" / tty)
        shutil.rmtree(self._sys / "devices" / socket)

    def tear(self, socket: str) -> None:
        """The device is being pulled: a part of what the kernel says of it is gone already."""
        (self._sys / "devices" / socket / "idProduct").unlink()


@pytest.fixture
def usb(tmp_path: Path) -> Usb:
    return Usb(tmp_path)


@contextmanager
def board(path: Path) -> Iterator[Program]:
    with quench("board", "lcus", "--link", path, typing=True) as program:
        program.wait_for("^quench: lcus board with 2 channels at ")
        yield program


@contextmanager
def controller(usb: Usb, folder: Path, port: str) -> Iterator[Program]:
    config = written(folder, relay={"port": port})
    with quench("run", "--config", config, within=usb.within) as program:
        yield program


def lost(why: str) -> str:
    return f"^quench: out of service: relay_lost: {re.escape(why)}$"


def off(usb: Usb, port: str, code: int = 0) -> str:
    """The one line that ``quench relay off`` says there."""
    flags = ("--driver", "lcus", "--port", port)
    with quench("relay", "off", *flags, within=usb.within) as program:
        assert program.end() == code, program.said
    (line,) = program.said.splitlines()
    return line


# -- it is found -----------------------------------------------------------------------------


def test_a_board_that_comes_back_under_another_name(usb: Usb, tmp_path: Path) -> None:
    with (
        board(usb.enumerate("1-1", "ttyUSB0")) as program,
        controller(usb, tmp_path, CH340) as machine,
    ):
        machine.wait_for("^quench: in service$")
        machine.wait_for("^quench: ready at ")  # until then its web thread still opens modules
        before = open_files(machine.pid)
        program.type("unplug")
        machine.wait_for(rf"relay_lost: {CH340} \(/dev/ttyUSB0\): the cable is out \(.*\)$")
        usb.forget("1-1", "ttyUSB0")
        machine.wait_for(lost(f"{CH340}: no such USB device; is the board plugged in?"))
        program.type(f"plug {usb.enumerate('1-1', 'ttyUSB1')}")
        machine.wait_for("^quench: in service$", 2)
        assert open_files(machine.pid) == before
        program.wait_for("A0 02 00 A2", 2)
        program.type("unplug")
        machine.wait_for(rf"relay_lost: {CH340} \(/dev/ttyUSB1\): the cable is out \(.*\)$")
        assert machine.stop() == 0
    assert "Traceback" not in machine.said


def test_the_driver_was_taken_from_it(usb: Usb, tmp_path: Path) -> None:
    """As brltty does: the device is on the bus, and its port is gone as soon as it came."""
    port = usb.enumerate("1-1", "ttyUSB0")
    told = f"{CH340}: the board is plugged in, and has no port;"
    told += " on Debian brltty takes such boards: apt purge brltty"
    with controller(usb, tmp_path, CH340) as machine:
        machine.wait_for(lost(told))
        with board(port):
            machine.wait_for("^quench: in service$")
            assert machine.stop() == 0


@pytest.mark.parametrize("port", ["usb:2a19:0c05", "usb:2A19:0C05", "usb:2a19:0c05:N 1"])
def test_a_board_with_a_port_of_the_other_kind(usb: Usb, port: str) -> None:
    """CDC ACM, which hangs on the interface itself, beside a board with a CH340."""
    usb.enumerate("1-1", "ttyUSB0")
    numbers = {"vendor": "2a19", "product": "0c05", "serial": "N 1"}
    path = usb.enumerate("1-2", "ttyACM0", subsystem="usb", **numbers)
    with board(usb.dev / "ttyUSB0") as other, board(path) as program:
        assert off(usb, port) == "channel 1: OFF"
        program.wait_for("A0 01 00 A1")
        assert "A0" not in other.hear()


def test_the_serial_number_tells_two_alike_apart(usb: Usb) -> None:
    first = usb.enumerate("1-1", "ttyUSB0", serial="A1")
    second = usb.enumerate("1-2", "ttyUSB1", serial="A2")
    with board(first) as one, board(second) as two:
        assert off(usb, f"{CH340}:A2") == "channel 1: OFF"
        two.wait_for("A0 01 00 A1")
        assert off(usb, f"{CH340}:A1") == "channel 1: OFF"
        one.wait_for("A0 01 00 A1")
        assert two.hear().count("A0 01 00 A1") == 1
        told = f"{CH340}:A3: no such USB device; is the board plugged in?"
        assert off(usb, f"{CH340}:A3", code=1) == told


# -- it is not -------------------------------------------------------------------------------


@pytest.mark.parametrize("serials", [("A2", "A1"), ("", ""), ("A1", ""), ("A1", "A1")])
def test_two_alike_are_refused_until_one_is_left(
    usb: Usb, tmp_path: Path, serials: tuple[str, str]
) -> None:
    told = f"{CH340}: /dev/ttyUSB9 and /dev/ttyUSB10 are alike;"
    told += " name one by its path in /dev/serial/by-path"
    if serials == ("A2", "A1"):
        told += f", or as {CH340}:A1 or {CH340}:A2"
    paths = [
        usb.enumerate(f"1-{number}", f"ttyUSB{number}", serial=serial)
        for number, serial in zip((9, 10), serials, strict=True)
    ]
    with board(paths[0]) as one, board(paths[1]) as two:
        with controller(usb, tmp_path, CH340) as machine:
            machine.wait_for(lost(told))
            assert "A0" not in one.hear() + two.hear()
            one.type("unplug")
            machine.wait_for("^quench: in service$")
            assert machine.stop() == 0
        two.wait_for("A0 01 00 A1")


def test_another_device_is_none_of_ours(usb: Usb) -> None:
    with board(usb.enumerate("1-1", "ttyUSB0")) as program:
        for port in ("usb:1a86:7522", "usb:1a87:7523", f"{CH340}:A1", "usb:0403:6001"):
            told = f"{port}: no such USB device; is the board plugged in?"
            assert off(usb, port, code=1) == told
        assert "A0" not in program.hear()


def test_a_device_that_is_pulled_while_all_are_listed(usb: Usb, tmp_path: Path) -> None:
    """Any device: the search looks at each."""
    usb.enumerate("1-2", "ttyUSB1").symlink_to("/dev/null")
    usb.tear("1-2")
    with (
        board(usb.enumerate("1-1", "ttyUSB0")),
        controller(usb, tmp_path, CH340) as machine,
    ):
        told = f"{CH340}: a USB device was pulled while all were listed; try again"
        machine.wait_for(lost(told))
        usb.forget("1-2", "ttyUSB1")
        machine.wait_for("^quench: in service$")
        assert machine.stop() == 0


@pytest.mark.parametrize("port", ["usb:", "usb:1a86", "usb:1a86:752", "usb:1a86:7523:"])
def test_half_a_name_is_told(usb: Usb, port: str) -> None:
    told = f"{port}: not a port; allowed: usb:VVVV:PPPP[:SERIAL] as lsusb shows it"
    assert off(usb, port, code=1) == told


def test_nobody_pays_for_a_search_that_is_not_needed() -> None:
    program = (
        "import sys, controller.config, drivers.relay.port\n"
        "assert not [name for name in sys.modules if name.startswith('serial.tools')]"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
