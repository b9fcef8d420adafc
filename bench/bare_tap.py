"""Baseline of a tap: the same durable transaction and the same four bytes, and nothing else."""

import hashlib
import sqlite3
import time
from contextlib import closing
from itertools import count
from pathlib import Path

import serial

from bench.pty_board import ON, PtyBoard
from controller.journal import DIGESTS_KEPT, Journal

SLOT = "water"
DATE = "2000-01-01 00:00:00"
PAUSE_S = 0.1
"""A tap finds the machine asleep; so must the baseline find it."""


class BareTap:
    """A plain sqlite3 connection, pyserial, a pty."""

    def __init__(self, folder: Path) -> None:
        path = folder / "bare.db"
        with closing(Journal(path)) as journal:  # for its schema
            journal.ensure_slot(SLOT, 1000)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._board = PtyBoard()
        self._wire = serial.Serial(self._board.path, 9600, timeout=0.5, write_timeout=0.5)
        self._ids = count(1)

    def tap(self) -> float:
        """Seconds from nothing to the first byte at the board."""
        time.sleep(PAUSE_S)
        number = next(self._ids)
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        began_s = time.perf_counter()
        self._intend(number, digest)
        self._wire.write(ON)
        heard_s = self._board.heard(ON)
        self._settle(number)
        return heard_s - began_s

    def _intend(self, number: int, digest: str) -> None:
        """The statements of ``Journal.intend``."""
        execute = self._db.execute
        execute("BEGIN IMMEDIATE")
        execute(
            "UPDATE slot SET remaining = remaining - 1, unknown = unknown + 1"
            " WHERE name = ? AND remaining > 0",
            (SLOT,),
        )
        execute(
            "INSERT INTO dispense (id, slot, outcome, token_digest, begun_at)"
            " VALUES (?, ?, 'open', ?, ?)",
            (number, SLOT, digest, DATE),
        )
        execute(
            "UPDATE dispense SET token_digest = NULL WHERE id = ?",
            (number - DIGESTS_KEPT,),
        )
        execute("COMMIT")

    def _settle(self, number: int) -> None:
        """Not measured; done so that both databases grow alike."""
        execute = self._db.execute
        execute("BEGIN IMMEDIATE")
        execute(
            "UPDATE dispense SET outcome = 'commanded', ended_at = ? WHERE id = ?", (DATE, number)
        )
        execute(
            "UPDATE slot SET unknown = unknown - 1, dispensed = dispensed + 1 WHERE name = ?",
            (SLOT,),
        )
        execute("COMMIT")

    def close(self) -> None:
        self._wire.close()
        self._board.close()
        self._db.close()
