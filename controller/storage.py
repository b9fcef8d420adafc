"""Where a journal lies: what opens its database, and makes sure of what is in it."""

import os
import sqlite3
from pathlib import Path
from typing import Protocol

from controller.errors import JournalError

BUSY_S = 5.0
"""How long a lock of another program is waited for."""


class Storage(Protocol):
    """What holds the files of a journal."""

    def connect(self, path: Path) -> sqlite3.Connection:
        """The database at ``path``, in autocommit mode. Raises JournalError or sqlite3.Error."""

    def write_again(self, path: Path) -> None:
        """Write the file at ``path``, if there is one, over with what is in it, and sync it.

        A sync that failed, in whatever program, has left what it should have saved
        in the memory of the computer only, and the next sync says that all is well:
        only writing it anew saves it. Raises JournalError.

        Source: Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020.
        """


class RealDisk:
    """A folder of this computer."""

    def __init__(self, *, create: bool = True) -> None:
        """``create``: a journal that is missing is made."""
        self._create = create

    def connect(self, path: Path) -> sqlite3.Connection:
        if self._create:
            self._make(path.parent)
        elif not path.exists():
            raise JournalError(f"{path}: there is no journal yet; it begins with the first run")
        elif not os.access(path, os.R_OK | os.W_OK):
            raise JournalError(f"{path}: permission denied")
        return sqlite3.connect(path, isolation_level=None, timeout=BUSY_S)

    def write_again(self, path: Path) -> None:
        try:
            with path.open("r+b") as file:
                content = file.read()
                file.seek(0)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalError(f"{path}: {os_says(error)}") from error

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(f"{folder}: {os_says(error)}") from error


def os_says(error: OSError) -> str:
    """What happened, in the words of this computer."""
    return (error.strerror or str(error)).lower()
