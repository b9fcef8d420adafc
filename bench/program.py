"""Other processes: started, waited for by what they say, stopped."""

import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.report import ROOT

PYTHON = sys.executable
QUENCH = Path(sys.executable).with_name("quench")

PATIENCE_S = 30
"""Far beyond what anything here takes; only a hang reaches it."""

READY = r"^quench: ready at (\S+)$"


class Program:
    """A running program and the lines that it has said."""

    def __init__(self, *command: str | Path) -> None:
        self._said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line from here on that matches ``pattern``."""
        end_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                line = self._lines.get(timeout=max(0, end_s - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise RuntimeError(f"never said {pattern!r}, but:\n{''.join(self._said)}")
            self._said.append(line)
            if found := re.search(pattern, line):
                return found

    @property
    def pid(self) -> int:
        return self._process.pid

    def resident_bytes(self) -> int:
        """What it holds in memory now: VmRSS."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        assert found, "a running process has a VmRSS"
        return int(found.group(1)) * 1024

    def stop(self) -> None:
        """SIGTERM, and wait for the end; SIGKILL for one that doesn't listen."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()

    def said_until_end(self) -> list[str]:
        """Stop it; every line from here on."""
        self.stop()
        lines: list[str] = []
        while (line := self._lines.get()) is not None:
            lines.append(line)
        return lines

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as said:
            for line in said:
                self._lines.put(line)
        self._lines.put(None)


@contextmanager
def running(*command: str | Path) -> Iterator[Program]:
    """A program that is stopped in the end."""
    program = Program(*command)
    try:
        yield program
    finally:
        program.stop()
