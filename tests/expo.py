"""A machine at an expo, as processes: a board that stays, a controller that comes and goes.

And its visitors: people with phones, over real HTTP.
"""

import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from sim.properties import teaches
from sim.trace import Seen, Served, Shown, Tapped
from tests.processes import Program, free_port, quench, written
from tests.scanner import scan_svg

PULSE_MS = 100
ON = r"-> board  A0 0\d 01"
OFF = r"-> board  A0 0\d 00"


def now_ms() -> int:
    """One clock for all processes of this computer."""
    return time.monotonic_ns() // 1_000_000


def slots(pulse_ms: int) -> list[dict[str, Any]]:
    """Two of them, whose drinks last for any test."""
    names = enumerate(("water", "tea"), start=1)
    return [
        {"name": name, "channel": channel, "capacity": 50, "pulse_ms": pulse_ms}
        for channel, name in names
    ]


class Expo:
    """``sections``: what differs from :func:`written`; a start may change more of it."""

    def __init__(
        self, folder: Path, board: Program, within: Sequence[str] = (), **sections: Any
    ) -> None:
        self.began_ms = now_ms()
        """When the board began, or a moment later."""
        port = free_port()
        self.board = board
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}")
        self.config = folder / "config.yaml"
        self._folder = folder
        self._within = within
        self._sections = {
            "web": {"port": port},
            "machine": {"public_url": f"http://127.0.0.1:{port}"},
            "timing": {"dwell_ms": 100},
            "slots": slots(PULSE_MS),
            **sections,
        }
        written(self._folder, **self._sections)
        self._asked = 0
        self._controller: Program | None = None

    @property
    def controller(self) -> Program:
        """The latest one."""
        assert self._controller is not None, "it was started"
        return self._controller

    def start(self, **sections: Any) -> Program:
        """A controller that begins to start."""
        assert self._controller is None or not self._controller.running(), "one at a time"
        written(self._folder, **{**self._sections, **sections})
        self._controller = Program("run", "--config", self.config, within=self._within)
        return self._controller

    def close(self) -> None:
        """Leave no controller behind."""
        self.http.close()
        if self._controller is not None and self._controller.running():
            self._controller.kill()

    # -- the board ----------------------------------------------------------------

    def frames(self) -> list[str]:
        """The first three bytes of every command that was sent to the board so far."""
        self.energised()
        return re.findall(r"-> board  (A0 \w\w \w\w)", self.board.hear())

    def energised(self) -> set[int]:
        """The channels whose coil is energised, once all that was sent has arrived.

        A pty carries bytes in their order and in its own time, and a controller that is
        dead may still have some on the way. The board's answer comes after them.
        """
        self._asked += 1
        wire = os.open(self._folder / "board", os.O_WRONLY | os.O_NOCTTY)
        try:
            os.write(wire, b"\xff")
        finally:
            os.close(wire)
        answer = self.board.wait_for("<- board  ([0-9A-F ]+) answer$", self._asked).group(1)
        lines = bytes.fromhex(answer).decode()
        return {int(channel) for channel in re.findall(r"CH(\d): ON", lines)}

    # -- phones -------------------------------------------------------------------

    @contextmanager
    def sent(self, method: str, path: str, body: str = "") -> Iterator[None]:
        """A request that was sent, and whose answer nobody has read yet."""
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        url = self.http.base_url
        with socket.create_connection((url.host, url.port)) as connection:
            connection.sendall((head + body).encode())
            yield


@contextmanager
def open_expo(folder: Path, within: Sequence[str] = (), **sections: Any) -> Iterator[Expo]:
    """An LCUS board on a pty; nothing runs any more when this ends, however it ends."""
    with quench("board", "lcus", "--link", folder / "board", typing=True) as board:
        board.wait_for("board with 2 channels at")
        with closing(Expo(folder, board, within, **sections)) as expo:
            yield expo


def unseen(seen: Seen) -> None:
    """Nobody takes note."""


class Visitor:
    """Somebody who scans, reads, lets the dwell pass, and taps; and may come back.

    Each step says whether it went well: a machine may be out of service. ``see`` takes note
    of the visit, as if the machine had answered the moment it was asked, and not later.
    """

    def __init__(self, expo: Expo, see: Callable[[Seen], None] = unseen) -> None:
        self._expo = expo
        self._see = see
        self.path = ""
        self.mark = ""

    @property
    def token(self) -> str:
        return self.path.removeprefix("/s/")

    def scans(self) -> bool:
        """The code on the machine's screen."""
        answer = self._expo.http.get("/qr.svg")
        if answer.status_code == 200:
            self.path = urlsplit(scan_svg(answer.text)).path
        return answer.status_code == 200

    def reads(self) -> bool:
        """The warning, with a button beneath it."""
        asked_ms = now_ms()
        self.mark = _mark(self.looks()) or ""
        if self.mark:
            self._see(Served(asked_ms, self.token, self.mark))
            self._see(Shown(now_ms(), self.token, self.mark))
        return bool(self.mark)

    def waits(self) -> bool:
        """As long as the page says; then its button can be used."""
        while left := re.search(r'data-ms="(\d+)"', self.looks()):
            if left.group(1) == "0":
                return True
            self._expo.controller.outlives(int(left.group(1)))
        return False

    def comes(self) -> bool:
        """Up to the tap."""
        return self.scans() and self.reads() and self.waits()

    @contextmanager
    def tapping(self) -> Iterator[None]:
        """The tap was sent."""
        self._see(Tapped(now_ms(), self.token, self.mark))
        with self._expo.sent("POST", self.path, urlencode({"visit": self.mark})):
            yield

    def taps(self) -> str:
        """What the page says in the end."""
        self._see(Tapped(now_ms(), self.token, self.mark))
        answer = self._expo.http.post(self.path, data={"visit": self.mark})
        assert answer.status_code == 303
        while "data-moves" in (page := self.looks()):
            pass
        return page

    def looks(self) -> str:
        """The page as it is now. It teaches, whatever else it says."""
        query = {"visit": self.mark} if self.mark else None
        page = self._expo.http.get(self.path, params=query).text
        assert teaches(page), "S8"
        return page

    def returns(self) -> None:
        """After a crash: this code has no button any more, and tapping the old one does nothing."""
        assert not _mark(self.looks()), "S2: a button for a code that is over"
        self._expo.http.post(self.path, data={"visit": self.mark})


def _mark(page: str) -> str | None:
    found = re.search(r'name="visit" value="([\w-]+)"', page)
    return found.group(1) if found else None
