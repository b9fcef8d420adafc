"""The simulator in a terminal: what it shows, what its keys do, and how it leaves the terminal."""

import asyncio
import fcntl
import logging
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, closing
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from controller.cli import main
from controller.config import Config
from sim.clock import VirtualClock
from sim.deeds import Deed
from sim.desk import Desk
from sim.plan import Setting
from sim.recording import Recording
from sim.tui.app import Tui
from sim.tui.held import held_log
from sim.tui.program import MISSING
from sim.world import OPENING
from tests.conftest import ROOT
from tests.processes import PATIENCE_S, quench, written
from tests.scanner import scan_text

URL = "http://192.168.100.100:8080"
SIZES = [(80, 24), (140, 40)]


class Terminal:
    """A desk with its face in a terminal. Both go on in one thread, a turn of each at a time."""

    def __init__(self, desk: Desk, clock: VirtualClock, pilot: Pilot[None]) -> None:
        self.desk = desk
        self._clock = clock
        self._pilot = pilot

    async def turn(self) -> None:
        """A tenth of a second of real time."""
        self._clock.sleep_ms(100)
        self.desk.pace.turn(0)
        self.desk.turn()
        await self._pilot.pause()

    async def until(self, seen: Callable[[], bool]) -> None:
        """Go on until then."""
        end_s = time.monotonic() + PATIENCE_S
        while not seen():
            assert time.monotonic() < end_s, f"it never came to that:\n{self.text}"
            await self.turn()

    async def shows(self, *words: str) -> None:
        """Go on until it shows all of them."""
        await self.until(lambda: all(each in self.text for each in words))

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)

    @property
    def lines(self) -> list[list[Any]]:
        """What the terminal shows: segments of text with their styles."""
        return [list(strip) for strip in self._pilot.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join("".join(each.text for each in line) for line in self.lines)

    def style(self, text: str) -> Any:
        """That of what reads so."""
        found = (each.style for line in self.lines for each in line if each.text.strip() == text)
        return next(found)

    @property
    def now_ms(self) -> int:
        return self.desk.session.now_ms

    @property
    def left(self) -> int:
        """Drinks in the machine."""
        return sum(self.desk.session.world.stock().values())


@asynccontextmanager
async def terminal(
    size: tuple[int, int] = (80, 24),
    config: Config | None = None,
    replayed: Recording | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> AsyncIterator[Terminal]:
    """One, with a machine that waits for a visitor."""
    clock = VirtualClock(50_000)
    desk = Desk(
        config or Setting("lcus").config(), clock, seed=1, opening=OPENING, replayed=replayed
    )
    desk.open()
    with closing(desk):
        tui = Tui(desk, URL, stopping, every_s=0.01)
        async with tui.run_test(size=size, notifications=True) as pilot:
            terminal = Terminal(desk, clock, pilot)
            await terminal.shows("idle")
            yield terminal


def played(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that waits for a terminal."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


# -- what it shows -------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@played
async def test_the_essential_is_there_at_every_size(size: tuple[int, int], config: Config) -> None:
    async with terminal(size, config) as at:
        await at.shows("channel 2 OFF  A0 02 00 A2", "0:00.100 idle")
        for words in (
            *(
                "SIMULATED",
                "tianjin-01 · lcus",
                "×1",
                f"{URL}/sim",
                "idle: waits for a visitor",
                "in 0.",
            ),
            *("water", "tea", "coil off", "12/12", "nothing is broken", "→ channel 1 OFF"),
            *(f"✓S{number}" for number in range(1, 9)),
            *("v visit", "u cable", "p power", "k kill", "m mend", "r refill", "+ more", "- fewer"),
            *("f faults", "space pause", "s step", "b back", "1 ×1", "2 ×10", "3 ×100"),
            *("0 fastest", "q quit"),
        ):
            assert words in at.text
        await at.turn()
        assert at.text.count("A0 02 00 A2") == 1, "each frame is told once"
        assert scan_text(at.text) == f"{URL}/s/{at.desk.session.world.token}"


@played
async def test_a_large_terminal_has_the_rules_and_the_log_as_well(config: Config) -> None:
    async with terminal((140, 40), config) as at:
        logging.getLogger("quench").warning("somebody said [this]")
        await at.shows("somebody said [this]", "✓ S1 No relay is energised before")
        await at.press("f", "end", "enter", "escape")
        await at.shows("✗ S1  warned first: at", "VIOLATED S1 warned first")


@played
async def test_a_code_without_room_is_an_address() -> None:
    async with terminal((80, 20)) as at:
        await at.shows("The code needs more room", "/s/")


@played
async def test_what_is_too_much_to_show_is_counted() -> None:
    async with terminal() as at:
        await at.press(*["plus"] * 7)
        await at.shows("· 3600 visitors/h")
        at.desk.session.pass_to(600_000)
        await at.until(lambda: bool(re.search(r"seen, and [1-9][\d,]* more, too fast", at.text)))


# -- what its keys do ----------------------------------------------------------------------


@played
async def test_a_visit_is_a_can_less() -> None:
    async with terminal() as at:
        before = at.left
        await at.press("v")
        await at.shows("Someone is being served", "warned")
        await at.shows("coil ON", "channel 1 ON  A0 01 01 A2")
        await at.shows("a drink fell", "idle: waits")
        assert at.left == before - 1
        await at.press("r")
        await at.until(lambda: at.left == before)


@played
async def test_without_a_code_nobody_visits() -> None:
    async with terminal() as at:
        await at.press("p", "v")
        await at.shows("nobody can scan now")


@played
async def test_a_cable_that_is_out_and_back() -> None:
    async with terminal() as at:
        await at.press("u")
        await at.shows("out of service: relay lost", "broken: cable out", "Out of service")
        await at.press("u")
        await at.shows("idle: waits", "nothing is broken")


@played
async def test_everything_is_mended() -> None:
    async with terminal() as at:
        await at.press("u", "f", "enter", "escape")
        await at.shows("broken: silent, cable out")
        await at.press("m")
        await at.shows("idle: waits", "nothing is broken")


@pytest.mark.parametrize("key", ["p", "k"])
@played
async def test_power_and_a_kill(key: str) -> None:
    async with terminal() as at:
        await at.press(key)
        await at.shows("off: nobody runs the controller", "Nobody runs the controller.")
        assert at.desk.status is None
        await at.press(key)
        await at.shows("idle: waits")


@played
async def test_a_controller_that_does_not_start() -> None:
    async with terminal() as at:
        at.desk.act({"do": "deed", "deed": "throw fsync-fails"})
        await at.press("k", "p")
        await at.shows("the controller did not start")
        await at.press("m", "p")
        await at.shows("idle: waits")


@played
async def test_time_stands_still_and_goes_on_by_steps() -> None:
    async with terminal() as at:
        await at.press("space")
        await at.shows("stands still")
        before_ms = at.now_ms
        for _ in range(5):
            await at.turn()
        assert at.now_ms == before_ms
        await at.press("v", "s")
        await at.shows("scanned: somebody")
        seen = at.desk.session.seen
        await at.press("s")
        await at.until(lambda: at.desk.session.seen > seen)
        stands_ms = at.now_ms
        await at.turn()
        assert at.now_ms == stands_ms
        await at.press("space")
        await at.until(lambda: at.now_ms > stands_ms + 1_000)


@pytest.mark.parametrize(
    ("key", "speed", "words"),
    [("2", 10, "· ×10"), ("3", 100, "· ×100"), ("0", 0, "· fastest")],
)
@played
async def test_how_fast_it_goes(key: str, speed: int, words: str) -> None:
    async with terminal() as at:
        await at.press(key)
        await at.shows(words)
        assert at.desk.pace.speed == speed
        await at.press("1")
        await at.until(lambda: at.desk.pace.speed == 1)


@played
async def test_a_crowd_grows_and_goes() -> None:
    async with terminal() as at:
        await at.press("plus", "plus")
        await at.shows("60 visitors/h")
        await at.press("minus")
        await at.shows("30 visitors/h")
        await at.press("minus", "minus")
        await at.until(lambda: "visitors/h" not in at.text)


@pytest.mark.parametrize("size", SIZES)
@played
async def test_the_list_of_faults(size: tuple[int, int]) -> None:
    async with terminal(size) as at:
        await at.press("f")
        await at.shows("[ ] relay board: Silent: it does as it is told, and answers")
        await at.press("enter")
        await at.shows("[x] relay board: Silent")
        assert at.desk.look()["broken"] == ["silent"]
        await at.press("space")
        await at.shows("[ ] relay board: Silent")
        await at.press("down", "enter")
        await at.shows("[x] relay board: Slow")
        await at.press("m")
        await at.shows("[ ] relay board: Slow")
        assert at.desk.look()["broken"] == []
        await at.press("q")
        await at.until(lambda: "relay board: Slow" not in at.text)


@played
async def test_a_light_turns_red() -> None:
    async with terminal() as at:
        await at.press("f", "end")
        await at.shows("once A hand on relay 1")
        await at.press("enter", "escape")
        await at.shows("✗S1", "S1 warned first: at")
        assert "✓S8" in at.text, "nobody's fault but the hand's"
        for style, is_red in ((at.style("✗S1"), True), (at.style("✓S8"), False)):
            red, green, _ = style.bgcolor.get_truecolor()
            assert (red > 2 * green) is is_red


@played
async def test_keys_can_be_clicked() -> None:
    async with terminal() as at:
        row = next(y for y, line in enumerate(at.text.splitlines()) if "u cable" in line)
        await at._pilot.click(offset=(at.text.splitlines()[row].index("cable"), row))
        await at.shows("broken: cable out")


# -- a replay ------------------------------------------------------------------------------


@pytest.fixture
def replayed(config: Config) -> Recording:
    deeds = (Deed(500, "scan", (1,)), Deed(700, "show", (1,)), Deed(3_000, "tap", (1,)))
    return Recording(config, 1, OPENING, deeds, 8_000)


@pytest.mark.parametrize("key", ["v", "u", "p", "k", "m", "r", "plus", "minus"])
@played
async def test_what_is_past_is_not_changed(key: str, replayed: Recording) -> None:
    async with terminal(replayed=replayed) as at:
        await at.press(key)
        await at.shows("a recording is played")


@played
async def test_a_replay_ends_and_goes_back(replayed: Recording) -> None:
    async with terminal((140, 120), replayed=replayed) as at:
        await at.press("2")
        await at.shows("of 0:08.000, a replay", "stands still", "a drink fell")
        while "a drink fell" in at.text:
            before_ms = at.now_ms
            await at.press("b")
            await at.until(lambda before_ms=before_ms: at.now_ms < before_ms)  # type: ignore[misc]
            await at.turn()
        assert at.text.count("the controller starts") == 1, "what was seen before is forgotten"
        await at.press("s")
        await at.shows("a drink fell")


@played
async def test_time_goes_back_in_a_replay_only() -> None:
    async with terminal() as at:
        await at.press("b")
        await at.shows("time goes back in a recording only")


# -- how it ends ---------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
@played
async def test_it_ends_by_a_key(key: str) -> None:
    async with terminal() as at:
        await at.press(key)
        await at.until(lambda: not at._pilot.app.is_running)


@played
async def test_it_ends_when_it_has_to() -> None:
    ends: list[bool] = []
    async with terminal(stopping=lambda: bool(ends)) as at:
        await at.turn()
        assert at._pilot.app.is_running
        ends.append(True)
        await at.until(lambda: not at._pilot.app.is_running)


def test_errors_are_told_when_the_terminal_is_itself_again() -> None:
    log, told = logging.getLogger("quench"), StringIO()
    handler = logging.StreamHandler(told)
    logging.getLogger().addHandler(handler)
    try:
        with held_log():
            log.warning("out of service")
            log.error("VIOLATED S1")
            assert told.getvalue() == ""
        assert told.getvalue() == "VIOLATED S1\n"
    finally:
        logging.getLogger().removeHandler(handler)


# -- the command ---------------------------------------------------------------------------


def test_textual_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}.isatty", lambda: True)
    monkeypatch.delitem(sys.modules, "textual.app")
    monkeypatch.setitem(sys.modules, "textual", None)
    monkeypatch.delitem(sys.modules, "sim.tui.app")
    assert main(["sim", "--tui", "--config", str(written(tmp_path))]) == 1
    assert capsys.readouterr().err == f"{MISSING}\n"


def test_there_is_no_terminal(tmp_path: Path) -> None:
    with quench("sim", "--tui", "--config", written(tmp_path)) as program:
        assert program.end() == 2
    assert program.said == "--tui needs a terminal, and stdin is none; leave --tui out\n"


def test_nobody_else_pays_for_textual() -> None:
    """What ``quench sim`` imports."""
    command = """if True:
        import sys
        import controller.cli, sim.sim_program, sim.tui.program
        assert not {"textual", "rich"} & set(sys.modules)"""
    subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True)


class RealTerminal:
    """A pty with ``quench sim --tui`` in it."""

    def __init__(self, config: Path) -> None:
        self._ours, self._theirs = pty.openpty()
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = self.settings
        self.said = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "controller.cli", "sim", "--tui", "--config", config],
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm-256color"},
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
        )

    @property
    def settings(self) -> list[Any]:
        return termios.tcgetattr(self._theirs)

    def until(self, seen: Callable[[], bool]) -> None:
        """Listen until then."""
        end_s = time.monotonic() + PATIENCE_S
        while not seen():
            assert time.monotonic() < end_s, self.said.decode(errors="replace")
            self._listen(0.1)

    def _listen(self, for_s: float) -> bool:
        heard = bool(select.select([self._ours], [], [], for_s)[0])
        if heard:
            self.said += os.read(self._ours, 65_536)
        return heard

    def shows(self, words: str) -> None:
        self.until(lambda: words.encode() in self.said)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def end(self) -> int:
        """Listen until its end; returns the exit code."""
        self.until(lambda: self.process.poll() is not None)
        while self._listen(0):
            pass
        return int(self.process.returncode)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealTerminal]:
    with closing(RealTerminal(written(tmp_path))) as real:
        real.shows("SIMULATED")
        real.shows(": waits for a visitor")
        assert real.settings != real.before, "keys are not echoed meanwhile"
        yield real


def left_alone(real: RealTerminal) -> None:
    """The terminal is as it was, and nobody but the face wrote to it."""
    assert real.settings == real.before
    assert b"\x1b[?1049l" in real.said, "the other screen is left"
    for words in (b"quench: ", b"-> board", b"Scan it, or open", b"Traceback"):
        assert words not in real.said


def test_a_real_terminal_is_left_as_it_was(real: RealTerminal) -> None:
    real.type("u")
    real.shows("relay lost")
    real.type("q")
    assert real.end() == 0
    left_alone(real)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_real_terminal_after_a_signal(real: RealTerminal, number: signal.Signals) -> None:
    real.process.send_signal(number)
    assert real.end() == 0
    left_alone(real)
