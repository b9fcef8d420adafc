"""One running controller: its socket, its lock, its threads, its signals, and its end."""

import signal
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from controller.assembly import assemble
from controller.config import Config
from controller.drops import DropWatch
from controller.errors import QuenchError
from controller.inbox import Letter
from controller.journal import Journal, Lock
from controller.report import Report, say
from controller.runner import serve
from controller.watchdog import Watchdog
from controller.web.server import Server, bind
from drivers.hal import Clock, DropSensor, Relay, RelaySettings, SensorSettings

if TYPE_CHECKING:
    from controller.web.app import Web


class Signals:
    """SIGINT and SIGTERM ask for an end in good order; a second one hurries, a third one kills."""

    def __init__(self, wake: Callable[[], object] = lambda: None) -> None:
        """``wake`` is called, in the signal's handler, to end a wait for something else."""
        self.received = 0
        self._wake = wake
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.received += 1
        if self.received > 1:
            signal.signal(number, signal.SIG_DFL)
        self._wake()


def run(
    config: Config,
    *,
    clock: Clock,
    open_relay: Callable[[RelaySettings], Relay],
    open_sensor: Callable[[SensorSettings, Relay], DropSensor],
    journal_path: Path,
    random_bytes: Callable[[int], bytes],
) -> None:
    """Run a controller with its pages until a signal comes.

    Prints ``quench: ready at URL`` when pages are served; a visitor is warned
    from then on, and the relay may still be being told OFF. Raises QuenchError.
    """
    listener = bind(config.web.host, config.web.port)
    with closing(listener), closing(Lock(journal_path)), closing(Journal(journal_path)) as journal:
        report = Report()
        controller = assemble(
            config,
            journal,
            open_relay,
            open_sensor,
            clock=clock,
            random_bytes=random_bytes,
            listeners=(report.watch,),
        )
        runner, feed = controller.runner, controller.runner.feed
        signals = Signals(wake=lambda: controller.inbox.put(Letter(())))
        feed.subscribe(report.status)
        build = random_bytes(4).hex()

        def make_web() -> "Web":
            from controller.web.app import Web

            return Web(
                name=config.machine.name,
                public_url=config.machine.public_url,
                door=controller.door,
                feed=feed,
                simulated=False,
                build=build,
                risks=config.risks(),
            )

        def tell_ready() -> None:
            say(f"quench: ready at {own_url(listener)}")

        server = Server(listener, make_web, when_ready=tell_ready)
        server.start()
        watches: list[Watchdog | DropWatch] = [runner.watchdog]
        if config.sensor_settings() is not None:
            watches.append(runner.beam.watch)
        for watch in watches:
            threading.Thread(target=watch.run, args=(clock,), daemon=True).start()
        serve(
            runner,
            controller.inbox,
            clock,
            stopping=lambda: bool(signals.received) or not server.alive(),
            hurrying=lambda: signals.received > 1,
        )
        for watch in watches:
            watch.end()
        crashed = not server.alive()
        server.stop()
    if crashed:
        raise QuenchError("the web server stopped by itself; see above")


def own_url(listener: socket.socket) -> str:
    """Where this computer can be reached: its address in the local network, if it has one."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104
        host = _own_address()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; it only picks the way out.
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
