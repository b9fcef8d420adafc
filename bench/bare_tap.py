"""Baseline of a tap: the same durable transaction and the same four bytes, and nothing else."""

import hashlib
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path

import serial

from bench.pty_board import ON, PtyBoard
from controller.journal import Journal

SLOT = "water"
DATE = "2000-01-01 00:00:00"


class BareTap:
    """A plain sqlite3 connection and pyserial in a thread, as the loop has them; a pty."""

    def __init__(self, folder: Path, pause_s: float) -> None:
        """``pause_s``: if a tap finds the machine asleep, so must the baseline find it."""
        self._pause_s = pause_s
        self._path = folder / "bare.db"
        with closing(Journal(self._path)) as journal:  # for its schema
            journal.ensure_slot(SLOT, 1000)
        self._board = PtyBoard()
        self._ids = count(1)
        self._thread = ThreadPoolExecutor(1)
        self._thread.submit(self._open).result()

    def tap(self) -> float:
        """Seconds from the begin of the transaction to the first byte at the board."""
        work = self._thread.submit(self._work, next(self._ids))
        heard_s = self._board.heard(ON)
        return heard_s - work.result()

    def close(self) -> None:
        self._thread.submit(self._close).result()
        self._thread.shutdown()
        self._board.close()

    # -- in the thread -----------------------------------------------------------------

    def _open(self) -> None:
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._wire = serial.Serial(self._board.path, 9600, timeout=0.5, write_timeout=0.5)

    def _work(self, number: int) -> float:
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        time.sleep(self._pause_s)
        began_s = time.perf_counter()
        self._intend(number, digest)
        self._wire.write(ON)
        self._settle(number)
        return began_s

    def _intend(self, number: int, digest: str) -> None:
        """The statement of ``Journal.intend``; the books are the database's own business."""
        self._db.execute(
            "INSERT INTO dispense (id, slot, outcome, token_digest, begun_at)"
            " VALUES (?, ?, 'open', ?, ?)",
            (number, SLOT, digest, DATE),
        )

    def _settle(self, number: int) -> None:
        """Not measured; done so that both databases grow alike."""
        self._db.execute(
            "UPDATE dispense SET outcome = 'commanded', ended_at = ? WHERE id = ?", (DATE, number)
        )

    def _close(self) -> None:
        self._wire.close()
        self._db.close()
