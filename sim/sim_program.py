"""The command ``quench sim``: a session in real time, and its pages."""

import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from controller.assembly import Controller
from controller.codes import scan_url
from controller.config import Config
from controller.door import Page
from controller.errors import QuenchError
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
from sim.pace import Pace
from sim.session import Session


class _Porter:
    """Answers phones by deeds of the session."""

    def __init__(self, session: Session, pace: Pace) -> None:
        self._session = session
        self._pace = pace

    def look(self, token: str, mark: str = "", *, by_person: bool = True) -> Page:
        return self._pace.ask(lambda: self._session.look(token, mark, by_person=by_person))

    def shown(self, token: str, mark: str) -> None:
        self._pace.ask(lambda: self._session.shown(token, mark))

    def tap(self, token: str, mark: str, done: Callable[[], None]) -> bool:
        tapped = self._pace.ask(lambda: self._session.tap(token, mark))
        if tapped:
            done()
        return tapped


class Front:
    """The pages of whichever controller runs; nobody answers while none does."""

    def __init__(self) -> None:
        self._web: Web | None = None

    @property
    def app(self) -> Callable[..., Awaitable[None]]:
        return self._answer

    def show(self, web: Web | None) -> None:
        """From now on these pages, from any thread. Streams of those before end."""
        before, self._web = self._web, web
        if before is not None:
            before.close()

    def close(self) -> None:
        self.show(None)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        web = self._web
        if web is not None:
            await web.app(scope, receive, send)
            return
        body = b"SIMULATED: the machine is down, and nobody answers\n"
        headers = [(b"content-type", b"text/plain"), (b"retry-after", b"1")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def run(
    config: Config,
    *,
    clock: Clock,
    seed: int,
    journal: Path | None,
    opening: datetime,
    speed: float,
    build: Callable[[], str],
) -> None:
    """Play until a signal comes. Raises QuenchError.

    ``journal``: where it is kept; None: it is forgotten. ``opening``: the date now, in UTC.
    ``speed``: virtual seconds in each real one; 0: as fast as it goes. ``build`` names each
    start of a controller anew, so that a screen that was left open notices.
    """
    listener = bind(config.web.host, config.web.port)
    url = own_url(listener)
    with closing(listener):
        lock = None if journal is None else Lock(journal)
        try:
            play = _Play(
                config,
                url=url,
                seed=seed,
                journal=journal,
                opening=opening,
                clock=clock,
                speed=speed,
                build=build,
            )
            play.run(listener)
        finally:
            if lock is not None:
                lock.close()


class _Play:
    """One of them."""

    def __init__(
        self,
        config: Config,
        *,
        url: str,
        seed: int,
        journal: Path | None,
        opening: datetime,
        clock: Clock,
        speed: float,
        build: Callable[[], str],
    ) -> None:
        self._config, self._url, self._build = config, url, build
        self._front = Front()
        self._report = Report()
        self._session = Session(
            config,
            seed,
            journal=journal,
            opening=opening,
            listeners=(self._report.watch,),
            on_boot=self._boots,
            on_gone=lambda: self._front.show(None),
        )
        self._pace = Pace(self._session, clock, speed)
        self._porter = _Porter(self._session, self._pace)
        self._print_frames()

    def _print_frames(self) -> None:
        board, show = self._session.world.board, FramePrinter(self._session.now_ms, sys.stderr)
        see = board.on_frame

        def seen(frame: Frame) -> None:
            see(frame)
            show(frame)

        board.on_frame = seen

    def _boots(self, controller: Controller) -> None:
        feed = controller.runner.feed
        feed.subscribe(self._report.status)
        self._front.show(
            Web(
                name=self._config.machine.name,
                public_url=self._url,
                door=self._porter,
                feed=feed,
                simulated=True,
                build=self._build(),
                risks=self._config.risks(),
            )
        )

    def run(self, listener: Any) -> None:
        with closing(self._session):
            signals = Signals(wake=self._pace.wake)
            self._session.start()
            server = Server(listener, lambda: self._front)
            server.start()
            server.wait_ready()
            feed = self._session.feed
            assert feed is not None, "it was started"
            say(f"The machine's screen: {self._url}")
            feed.subscribe(_CodePrinter(self._url, feed.status))
            say(f"quench: ready at {self._url}")
            self._pace.run(lambda: bool(signals.received) or not server.alive())
            self._session.stop()
            crashed = not server.alive()
            # Requests that are under way still ask; the server ends when they are answered.
            threading.Thread(target=server.stop, daemon=True).start()
            self._pace.run(lambda: not server.alive())
        if crashed:
            raise QuenchError("the web server stopped by itself; see above")


class _CodePrinter:
    """Prints each new scan code: a feed's subscriber. Only a simulation shows codes there."""

    def __init__(self, public_url: str, status: Status) -> None:
        self._public_url = public_url
        self._token = ""
        self(status)

    def __call__(self, status: Status) -> None:
        if status.token and status.token != self._token:
            url = scan_url(self._public_url, status.token)
            say(f"{qr.text(url)}Scan it, or open {url}")
        self._token = status.token
