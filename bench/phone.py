"""A phone on one connection that stays open: a socket, and the few bytes of HTTP that it needs."""

import re
import socket
import time
from urllib.parse import urlsplit

from bench.program import PATIENCE_S
from tests.scanner import scan_svg


class Phone:
    """Talks to the controller at ``url``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        self._wire = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_S)
        self._wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._wire.makefile("rb")

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        self._wire.sendall(self._request("GET", path, b""))
        return self.answer()

    def scan(self, not_this: str = "") -> str:
        """The path in the QR code on the screen, once there is another than ``not_this``."""
        end_s = time.monotonic() + PATIENCE_S
        while True:
            status, svg = self.get("/qr.svg")
            if status == 200 and (path := urlsplit(scan_svg(svg.decode())).path) != not_this:
                return path
            assert time.monotonic() < end_s, "no new code came"
            time.sleep(0.002)

    def open(self, path: str) -> str:
        """Fetch the warning page with the button; its mark."""
        status, body = self.get(path)
        found = re.search(rb'name="visit" value="([^"]+)"', body)
        assert status == 200, status
        assert found, "the page has no button"
        return found.group(1).decode()

    def tap(self, path: str, mark: str) -> float:
        """Send the tap, and don't wait for :meth:`answer`; when it was sent, in s."""
        request = self._request("POST", path, f"visit={mark}&lang=en".encode())
        began_s = time.perf_counter()
        self._wire.sendall(request)
        return began_s

    def answer(self) -> tuple[int, bytes]:
        """Status and body of what was asked."""
        status = int(self._answers.readline().split()[1])
        size = 0
        while (line := self._answers.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                size = int(value)
        return status, self._answers.read(size)

    def close(self) -> None:
        self._answers.close()
        self._wire.close()

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        head = (
            f"{method} {path} HTTP/1.1\r\n"
            f"Host: {self._host}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
