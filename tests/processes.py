"""The real program, run as its users run it, and waited for by what it says."""

import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

PATIENCE_S = 30
"""Far beyond what anything here takes; only a hang reaches it."""

FAST = {"dwell_ms": 200, "scan_timeout_ms": 20_000, "confirm_timeout_ms": 60_000}


class Program:
    """A running ``quench ...`` and everything that it has said."""

    def __init__(
        self, *arguments: str | Path, within: Sequence[str] = (), typing: bool = False
    ) -> None:
        """``within``: a command that gives the program its surroundings, and becomes it.

        ``typing``: somebody may :meth:`type`; otherwise nothing can be read from stdin.
        """
        self.said = ""
        self._process = subprocess.Popen(
            [*within, sys.executable, "-m", "controller.cli", *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE if typing else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            # Some environments keep no bytecode; a hundred starts need not compile a hundred times.
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str, count: int = 1) -> re.Match[str]:
        """The ``count``-th match of ``pattern`` in all that was said, once it is there."""
        end_s = time.monotonic() + PATIENCE_S
        while len(found := list(re.finditer(pattern, self.said, re.MULTILINE))) < count:
            try:
                line = self._lines.get(timeout=max(0, end_s - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"never said {pattern!r}, but:\n{self.said}"
            self.said += line
        return found[count - 1]

    def next(self, pattern: str) -> Callable[[], re.Match[str]]:
        """Waits, when it is called, for the first match of ``pattern`` from now on."""
        so_far = len(re.findall(pattern, self.hear(), re.MULTILINE))
        return partial(self.wait_for, pattern, so_far + 1)

    def wait_until(self, seen: Callable[[], bool]) -> None:
        """Wait for what it does without a word, and can be seen by looking."""
        end_s = time.monotonic() + PATIENCE_S
        while not seen():
            assert self.outlives(1), f"it ended before that:\n{self.hear()}"
            assert time.monotonic() < end_s, f"it never did that:\n{self.hear()}"

    def outlives(self, span_ms: float) -> bool:
        """Whether it still runs ``span_ms`` from now. Its end ends the wait."""
        try:
            self._process.wait(span_ms / 1000)
        except subprocess.TimeoutExpired:
            return True
        return False

    def hear(self) -> str:
        """All that was said so far."""
        while not self._lines.empty():
            self.said += self._lines.get() or ""
        return self.said

    def type(self, line: str) -> None:
        """Type ``line``, with its end."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self.end()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self._process.terminate()
        return self.end()

    def end(self) -> int:
        """Wait for the end; returns the exit code."""
        code = self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        self.hear()
        assert self._process.stdout is not None
        self._process.stdout.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        return code

    def running(self) -> bool:
        return self._process.poll() is None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)


@contextmanager
def quench(
    *arguments: str | Path, within: Sequence[str] = (), typing: bool = False
) -> Iterator[Program]:
    """A program that is stopped in the end."""
    program = Program(*arguments, within=within, typing=typing)
    try:
        yield program
    finally:
        if program.running():
            program.stop()


def written(folder: Path, **sections: Any) -> Path:
    """The repository's config.yaml, but on loopback, quick, and with ``sections`` changed."""
    data = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    data["web"] = {"host": "127.0.0.1", "port": 0}
    data["timing"] |= FAST
    data["journal"]["path"] = str(folder / "quench.db")
    hardware = data["hardware"]
    hardware["relay"]["port"] = str(folder / "board")
    for slot in data["slots"]:
        slot["pulse_ms"] = 150
    hardware["relay"] |= sections.pop("relay", {})
    for name, section in sections.items():
        data[name] = data[name] | section if isinstance(section, dict) else section
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path


def with_mounts(script: str) -> list[str]:
    """What a command is started within, so that it sees what ``script`` mounts, and only it does.

    ``script`` is the shell's, and ends at the first command that fails.
    """
    room = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*room, "true"], check=False).returncode != 0:
        why = "this computer lets nobody make a mount namespace (sysctl kernel.*userns*)"
        if "CI" in os.environ:
            pytest.fail(why)
        pytest.skip(why)
    return [*room, "sh", "-ec", f'{script}\nexec "$@"', "sh"]


def open_files(pid: int) -> int:
    """How many descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def has_open(pid: int, name: str) -> bool:
    """Whether a process has a file open that is called ``name``."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if link.readlink().name == name:
                return True
    return False


_ports = count()


def free_port() -> int:
    """A port that nobody listens on, outside the range that the kernel gives to clients."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for number in _ports:
        port = 20_000 + 1_000 * worker + number
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("the counter does not end")


@contextmanager
def machine(
    folder: Path,
    port: int = 0,
    within: Sequence[str] = (),
    dialect: str = "lcus",
    **sections: Any,
) -> Iterator[tuple[Program, Program, str]]:
    """``quench run`` on ``quench board``: the controller, the board, the controller's URL."""
    port = port or free_port()
    path = written(
        folder,
        web={"port": port},
        machine={"public_url": f"http://127.0.0.1:{port}"},
        **sections,
    )
    with quench("board", dialect, "--link", folder / "board", typing=True) as board:
        board.wait_for("board with 2 channels at")
        with quench("run", "--config", path, within=within) as controller:
            url = controller.wait_for(r"^quench: ready at (\S+)$").group(1)
            yield controller, board, url
