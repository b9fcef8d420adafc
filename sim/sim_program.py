"""The command ``quench sim``: a session in real time, its pages and its panel."""

import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from controller.assembly import Controller
from controller.codes import scan_url
from controller.commands import Command
from controller.config import Config
from controller.door import Page, Word
from controller.errors import QuenchError
from controller.events import Event
from controller.journal import Lock
from controller.process import Signals, own_url
from controller.report import Report, say
from controller.status import Status
from controller.web import qr
from controller.web.app import Web
from controller.web.server import Server, bind
from drivers.hal import Clock
from sim.board_program import FramePrinter
from sim.boards.base import Frame
from sim.desk import Desk
from sim.panel.app import Panel
from sim.recording import Recording

READABLE = 100
"""Faster than this nobody can read what a terminal shows."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is played, and how."""

    seed: int
    opening: datetime
    """The date at the beginning, in UTC."""
    speed: float
    """Virtual seconds in each real one; 0: as fast as it goes."""
    journal: Path | None = None
    """Where it is kept; None: it is forgotten."""
    replayed: Recording | None = None
    """What is played again."""
    record: Path | None = None
    """The file into which everything is written as it is done."""


Stopping = Callable[[], bool]
"""Whether it is time to end; asked at every turn."""

Face = Callable[[Desk, str, Callable[[Stopping], None]], None]
"""Shows a play to somebody, from the main thread, until they have enough or a signal comes.

It is given the desk, the machine's address, and what plays: that one for a thread of its own.
"""


def run(
    config: Config,
    wanted: Wanted,
    *,
    clock: Clock,
    build: Callable[[], str],
    face: Face | None = None,
) -> None:
    """Play until a signal comes. Raises QuenchError.

    ``build`` names each start of a controller anew, so that a screen that was left open
    notices. ``face``: who shows what happens; None: it is printed.
    """
    listener = bind(config.web.host, config.web.port)
    with closing(listener):
        lock = None if wanted.journal is None else Lock(wanted.journal)
        try:
            url = own_url(listener)
            _Play(config, wanted, url=url, clock=clock, build=build, face=face).run(listener)
        finally:
            if lock is not None:
                lock.close()


class _Porter:
    """Answers phones by deeds of the session."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def look(self, token: str, mark: str = "", *, by_person: bool = True) -> Page:
        desk = self._desk
        return desk.pace.ask(lambda: desk.session.look(token, mark, by_person=by_person))

    def shown(self, token: str, mark: str) -> None:
        self._desk.pace.ask(lambda: self._desk.session.shown(token, mark))

    def tap(self, token: str, mark: str, done: Callable[[], None]) -> bool:
        tapped = self._desk.pace.ask(lambda: self._desk.session.tap(token, mark))
        if tapped:
            done()
        return tapped


class _PastDoor:
    """Answers phones while a recording is played: they are warned, and change nothing."""

    def look(self, token: str, mark: str = "", *, by_person: bool = True) -> Page:
        return Page(Word.STALE)

    def shown(self, token: str, mark: str) -> None:
        """It was not then."""

    def tap(self, token: str, mark: str, done: Callable[[], None]) -> bool:
        return False


class Front:
    """The panel, and the pages of whichever controller runs; while none does, nobody answers."""

    def __init__(self) -> None:
        self._web: Web | None = None
        self._panel: Panel | None = None

    @property
    def app(self) -> Callable[..., Awaitable[None]]:
        return self._answer

    def serve(self, panel: Panel) -> None:
        """Whoever asks for ``/sim`` gets this."""
        self._panel = panel

    def show(self, web: Web | None) -> None:
        """From now on these pages, from any thread. Streams of those before end."""
        before, self._web = self._web, web
        if before is not None:
            before.close()

    def close(self) -> None:
        self.show(None)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        panel, web = self._panel, self._web
        if panel is not None and f"{scope['path']}/".startswith("/sim/"):
            await panel.app(scope, receive, send)
            return
        if web is not None:
            await web.app(scope, receive, send)
            return
        body = b"SIMULATED: the machine is down, and nobody answers\n"
        headers = [(b"content-type", b"text/plain"), (b"retry-after", b"1")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Play:
    """One of them."""

    def __init__(
        self,
        config: Config,
        wanted: Wanted,
        *,
        url: str,
        clock: Clock,
        build: Callable[[], str],
        face: Face | None,
    ) -> None:
        self._url, self._build, self._face = url, build, face
        self._front = Front()
        self._report = Report()
        self._print_frame = FramePrinter(0, sys.stderr)
        self._desk = Desk(
            config,
            clock,
            seed=wanted.seed,
            opening=wanted.opening,
            speed=wanted.speed,
            journal=wanted.journal,
            replayed=wanted.replayed,
            record=wanted.record,
            listeners=(self._heard,),
            on_boot=self._boots,
            on_gone=lambda: self._front.show(None),
            on_frame=self._framed,
        )
        self._front.serve(Panel(self._desk))

    def _readable(self) -> bool:
        return 0 < self._desk.pace.speed <= READABLE

    def _framed(self, frame: Frame) -> None:
        if self._face is None and self._readable():
            self._print_frame(frame)

    def _heard(self, now_ms: int, event: Event, commands: tuple[Command, ...]) -> None:
        if self._readable():
            self._report.watch(now_ms, event, commands)

    def _boots(self, controller: Controller) -> None:
        feed = controller.runner.feed
        feed.subscribe(self._told)
        config = self._desk.config
        self._front.show(
            Web(
                name=config.machine.name,
                public_url=self._url,
                door=_Porter(self._desk) if self._desk.replayed is None else _PastDoor(),
                feed=feed,
                simulated=True,
                build=self._build(),
                risks=config.risks(),
            )
        )

    def _told(self, status: Status) -> None:
        if self._readable():
            self._report.status(status)

    def run(self, listener: Any) -> None:
        if self._face is None:
            signals = Signals(wake=self._desk.pace.wake)
            self._play(listener, lambda: bool(signals.received))
        else:
            self._face(self._desk, self._url, partial(self._play, listener))

    def _play(self, listener: Any, stopping: Stopping) -> None:
        """By the thread that owns the session from then on."""
        desk = self._desk
        desk.open()
        with closing(desk):
            server = Server(listener, lambda: self._front)
            server.start()
            server.wait_ready()
            show = _CodePrinter(self._url)
            if self._face is None:
                say(f"The machine's screen: {self._url}")
                say(f"The panel to play with it: {self._url}/sim")
                show(desk.status)
                say(f"quench: ready at {self._url}")

            def turn() -> None:
                desk.turn()
                if self._face is None and self._readable():
                    show(desk.status)

            desk.pace.run(lambda: stopping() or not server.alive(), turn)
            desk.stop()
            crashed = not server.alive()
            # Requests that are under way still ask; the server ends when they are answered.
            threading.Thread(target=server.stop, daemon=True).start()
            desk.pace.run(lambda: not server.alive())
        if crashed:
            raise QuenchError("the web server stopped by itself; see above")


class _CodePrinter:
    """Prints each new scan code. Only a simulation shows codes there."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._token = ""

    def __call__(self, status: Status | None) -> None:
        token = status.token if status else ""
        if token and token != self._token:
            url = scan_url(self._public_url, token)
            say(f"{qr.text(url)}Scan it, or open {url}")
        self._token = token
