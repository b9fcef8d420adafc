"""Serves the pages from a thread of their own, on a socket that is already bound."""

import asyncio
import errno
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol

from controller.errors import QuenchError

STOP_S = 3
"""How long requests that are under way may take to end when the server stops."""

log = logging.getLogger("quench")


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises QuenchError if it can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends without delay (TCP_NODELAY) only on sockets that say that they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise QuenchError(_why(error, host, port)) from error
    return listener


def _why(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} is in use by another program; stop it, or choose another port"
        case errno.EACCES:
            return f"port {port} needs root; choose one from 1024 up"
        case errno.EADDRNOTAVAIL | socket.EAI_NONAME:
            return f"this computer has no address {host}; see web.host"
    return f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}"


class Pages(Protocol):
    """What is served."""

    @property
    def app(self) -> Callable[..., Awaitable[None]]:
        """An ASGI application."""

    def close(self) -> None:
        """End what would not end by itself, from any thread, so that the server can stop."""


class Server:
    """uvicorn in a thread.

    The thread also imports what only the pages need, so that a start doesn't
    wait for it while the relays are told OFF.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_web: Callable[[], Pages],
        *,
        when_ready: Callable[[], object] = lambda: None,
    ) -> None:
        """``when_ready`` is called in the server's thread once pages can be fetched."""
        self._listener = listener
        self._make_web = make_web
        self._when_ready = when_ready
        self._ready = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait_ready(self) -> None:
        """Returns when pages can be fetched, or never will be (see :meth:`alive`)."""
        self._ready.wait()

    def alive(self) -> bool:
        """Whether the pages are still served."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Let running requests end, and close every connection."""
        self._stop()
        self._thread.join(STOP_S + 2)
        if self.alive():
            log.warning("the web server is left behind: some requests did not end")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:
            log.exception("the web server failed")
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        import uvicorn

        web = self._make_web()
        server = uvicorn.Server(
            uvicorn.Config(
                web.app,
                interface="asgi3",
                log_config=None,
                access_log=False,  # S6: it would write addresses and tokens
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=STOP_S,
            )
        )
        loop = asyncio.get_running_loop()

        def stop() -> None:
            server.should_exit = True
            loop.call_soon_threadsafe(web.close)

        self._stop = stop
        serving = asyncio.create_task(server.serve(sockets=[self._listener]))
        while not (server.started or serving.done()):
            await asyncio.sleep(0.001)
        if server.started:
            self._when_ready()
        self._ready.set()
        await serving
