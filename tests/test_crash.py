"""The real process killed with SIGKILL during a dispense, and started again.

S2, S4 and S5, as the board, the visitor and the operator see them.
"""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from controller.door import Word
from controller.web.words import EN
from sim.properties import MARGIN_MS, teaches
from tests.processes import Program, free_port, quench, written
from tests.scanner import scan_svg
from tests.test_web import mark

ON = r"-> board  A0 0\d 01"
OFF_AGAIN = r"channel \d OFF, was on for (\d+) ms"
ALL_OFF = [f"A0 0{channel} 00" for channel in (1, 2)]


class Expo:
    """One board that stays, and a controller that comes and goes."""

    def __init__(self, folder: Path, board: Program, pulse_ms: int) -> None:
        self.board = board
        self._asked = 0
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.config = written(
            folder,
            web={"port": port},
            machine={"public_url": self.url},
            slots=[{"name": "water", "channel": 1, "capacity": 50, "pulse_ms": pulse_ms}],
        )
        self.controller: Program | None = None

    def start(self) -> Program:
        self.controller = Program("run", "--config", self.config)
        self.controller.wait_for("^quench: ready at")
        return self.controller

    def frames(self) -> list[str]:
        """The first three bytes of every frame that was sent to the board so far."""
        # It reads its port before it does what is typed: then what was sent before has arrived.
        self._asked += 1
        self.board.type("coils")
        self.board.wait_for("^quench: ON: ", self._asked)
        return re.findall(r"-> board  (A0 \w\w \w\w)", self.board.hear())

    def says(self, command: str, *rest: str) -> list[list[str]]:
        """What a ``quench`` command prints, as words in lines."""
        with quench(command, "--config", self.config, *rest) as program:
            assert program.end() == 0, program.said
        return [line.split() for line in program.said.splitlines()]

    def books(self) -> tuple[int, ...]:
        """Remaining, loaded, dispensed, failed and unknown drinks."""
        return tuple(int(word) for word in self.says("stock")[1][2:])

    def scan(self) -> tuple[str, str]:
        """The path of the code on the screen, and the mark of a page whose dwell is over."""
        path = urlsplit(scan_svg(self.get("/qr.svg"))).path
        visit = mark(self.get(path))
        while 'data-ms="0"' not in self.get(path, visit=visit):
            pass
        return path, visit

    def get(self, path: str, **query: str) -> str:
        return httpx.get(self.url + path, params=query or None).text

    def tap(self, path: str, visit: str) -> str:
        answer = httpx.post(self.url + path, data={"visit": visit}, follow_redirects=True)
        return answer.text

    def tap_and_not_wait(self, path: str, visit: str) -> None:
        body = urlencode({"visit": visit})
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", urlsplit(self.url).port)) as connection:
            connection.sendall((head + body).encode())


@pytest.fixture
def expo(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Expo]:
    with quench("board", "lcus", "--link", tmp_path / "board", typing=True) as board:
        board.wait_for("board with 2 channels at")
        made = Expo(tmp_path, board, request.param)
        yield made
        if made.controller is not None and made.controller.running():
            made.controller.stop()


@pytest.mark.parametrize("expo", [10_000], indirect=True)
def test_killed_while_the_relay_is_on(expo: Expo) -> None:
    controller = expo.start()
    path, visit = expo.scan()
    assert expo.frames() == ALL_OFF
    expo.tap(path, visit)
    expo.board.wait_for(ON)
    controller.kill()
    assert expo.frames() == [*ALL_OFF, "A0 01 01"]
    assert expo.books() == (49, 50, 0, 0, 1)

    controller = expo.start()
    expo.board.wait_for(OFF_AGAIN)
    assert "its outcome is unknown" in controller.said
    assert expo.says("journal")[1][4:] == ["unknown"]
    # The visitor is told, the token is dead, and the next one gets a drink of their own.
    told = expo.tap(path, visit)
    assert teaches(told)
    assert EN.told[Word.UNKNOWN].title in told
    expo.get("/qr.svg")  # waits until the machine has started
    assert expo.frames() == [*ALL_OFF, "A0 01 01", *ALL_OFF]
    next_path, next_visit = expo.scan()
    assert next_path != path
    expo.tap(next_path, next_visit)
    expo.board.wait_for(ON, 2)
    # A person looks, beside the running controller.
    expo.says("journal", "reconcile", "1", "dispensed")
    assert expo.books() == (48, 50, 1, 0, 1)
    expo.controller.kill()


@pytest.mark.parametrize("expo", [150], indirect=True)
def test_killed_around_a_dispense_again_and_again(expo: Expo) -> None:
    expo.start()
    for moment in ("tap", "answer", "on", "off", "tap", "settled") * 2:
        controller = expo.controller
        assert controller is not None
        path, visit = expo.scan()
        before = expo.frames().count("A0 01 01")
        if moment == "tap":
            expo.tap_and_not_wait(path, visit)
        else:
            expo.tap(path, visit)
        if moment in ("on", "off", "settled"):
            expo.board.wait_for(ON, before + 1)
        if moment in ("off", "settled"):
            expo.board.wait_for(rf"{ON}.*\n(quench: .*\n)*.*OFF, was on", before + 1)
        if moment == "settled":
            controller.wait_for("dispense \\d+: commanded")
        controller.kill()

        seen = len(expo.frames())
        expo.start()
        remaining, loaded, dispensed, failed, unknown = expo.books()
        assert loaded == 50 == remaining + dispensed + failed + unknown
        expo.tap(path, visit)
        # Let the next visitor in: whatever the dead token could do would be done by then.
        expo.get("/qr.svg")
        assert expo.frames()[seen:] == ALL_OFF
        energised = expo.frames().count("A0 01 01")
        assert before <= energised <= before + 1
        # No ON without an intent; an intent may have been written without an ON.
        assert energised <= dispensed + unknown
    assert all(line[-1] in ("commanded", "unknown") for line in expo.says("journal")[1:-1])


@pytest.mark.parametrize("expo", [1_000], indirect=True)
def test_an_orderly_stop_brings_the_drink_to_its_end(expo: Expo) -> None:
    controller = expo.start()
    path, visit = expo.scan()
    expo.tap(path, visit)
    expo.board.wait_for(ON)
    assert controller.stop() == 0
    # To the millisecond in virtual time; here the computer may be busy.
    assert 500 <= int(expo.board.wait_for(OFF_AGAIN).group(1)) <= 1_000 + MARGIN_MS
    assert expo.frames() == [*ALL_OFF, "A0 01 01", "A0 01 00", *ALL_OFF]
    assert expo.books() == (49, 50, 1, 0, 0)
