"""A disk under a journal: full, worn out, or without power at the wrong moment.

Its files are real ones, in memory where the computer has a folder there. What was
written is seen by every program at once, and is safe when it was synced. When the
power goes, each sector that was written since may be there or not. A sync that
failed has lost its writes for good, although programs still see them: Linux marks
their pages clean, and the next sync says that all is well.

Source for the last: Rebello et al., "Can Applications Recover from fsync Failures?", USENIX
ATC 2020.
"""

import os
import shutil
import sqlite3
import tempfile
import weakref
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from controller.errors import JournalError
from sim import sqlite_vfs
from sim.instants import Instants, PowerCut
from sim.sqlite_vfs import FSYNC_ERROR, FULL, LOCK_ERROR, OK, WRITE_ERROR, Do

SECTOR = 512
"""What a disk writes whole or not at all."""

_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


class Disk:
    """Files in a folder of its own. ``full`` and ``fails_sync`` are switches. :meth:`close` it.

    It is looked after only when something may happen to it: a journal whose commits
    are synced leaves nothing unsafe between two of them.
    """

    def __init__(self, instants: Instants, folder: Path | None = None) -> None:
        """``folder``: an own one, whose files stay when it is closed."""
        self.bites: Counter[str] = Counter()
        """How often each switch changed what happened."""
        self.watches = False
        self.changes = 0
        """How many statements of all its programs have changed something."""
        self._full = self._fails_sync = self._dead = False
        self._instants = instants
        self._unsafe: dict[str, _Unsafe] = {}
        self._folder = folder or Path(tempfile.mkdtemp(prefix="quench-disk-", dir=_MEMORY))
        self._remove = (
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            if folder is None
            else lambda: None
        )
        sqlite_vfs.watch(self._folder, self)
        instants.on_change = self._renew

    # -- its switches --------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Nothing that is new finds room."""
        return self._full

    @full.setter
    def full(self, full: bool) -> None:
        self._full = full
        self._renew()

    @property
    def fails_sync(self) -> bool:
        """What is synced is not."""
        return self._fails_sync

    @fails_sync.setter
    def fails_sync(self, fails_sync: bool) -> None:
        self._fails_sync = fails_sync
        self._renew()

    @property
    def dead(self) -> bool:
        """The power is off, or the program that writes is being killed."""
        return self._dead

    @dead.setter
    def dead(self, dead: bool) -> None:
        self._dead = dead
        self._renew()

    def _renew(self) -> None:
        unsafe = any(file.sectors for file in self._unsafe.values())
        watches = (
            self._full or self._fails_sync or self._dead or self._instants.cut_at > 0 or unsafe
        )
        if watches is not self.watches:
            self.watches = watches
            self._unsafe.clear()
            sqlite_vfs.renew(self)

    # -- its programs ----------------------------------------------------------------------------

    def connect(self, path: Path) -> "sqlite3.Connection":
        """A connection to the database called ``path``, made if it is missing; it never waits."""
        return self._connect(f"file:{self._folder / path.name}?vfs={sqlite_vfs.NAME}")

    def _connect(self, uri: str) -> "sqlite3.Connection":
        connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, timeout=0, factory=Connection
        )
        connection.disk = self
        return connection

    def write_again(self, path: Path) -> None:
        """See :class:`controller.storage.Storage`."""
        file = self._folder / path.name
        if not self.watches or not file.exists():
            return  # what nobody minds is safe
        content = file.read_bytes()

        def do() -> int:
            with file.open("r+b") as same:
                same.write(content)
            return OK

        code = self.write(file.name, 0, len(content), do) or self.sync(file.name, lambda: OK)
        if self._dead:
            raise PowerCut
        if code != OK:
            raise JournalError(f"{path}: input/output error")

    def lose_power(self, how_torn: float, random: Random) -> int:
        """Every program is gone, and so is what was written since the last sync, in part:
        each sector with a chance of ``how_torn``. Returns how many sectors were lost.
        """
        lost = sum(file.lose(how_torn, random) for file in self._unsafe.values())
        self._unsafe.clear()
        return lost

    def save(self, folder: Path) -> None:
        """Copy all files into ``folder``, as programs see them."""
        for path in self._folder.iterdir():
            shutil.copy(path, folder)

    def files(self) -> dict[str, bytes]:
        """What is in them, as programs see it, by name."""
        return {path.name: path.read_bytes() for path in sorted(self._folder.iterdir())}

    def close(self) -> None:
        """Throw it away. Nothing of it may be open."""
        sqlite_vfs.unwatch(self._folder)
        self._remove()

    # -- what SQLite does; see :class:`sim.sqlite_vfs.Hand` --------------------------------------

    def write(self, file: str, offset: int, size: int, do: Do) -> int:
        if self._stops():
            return WRITE_ERROR
        unsafe = self._known(file)
        if self._full and offset + size > unsafe.length():
            self.bites["disk-full"] += 1
            return FULL
        unsafe.note(offset, offset + size)
        code = do()
        return WRITE_ERROR if self._stops() else code

    def truncate(self, file: str, size: int, do: Do) -> int:
        if self._stops():
            return WRITE_ERROR
        unsafe = self._known(file)
        unsafe.note(size, unsafe.length())
        code = do()
        return WRITE_ERROR if self._stops() else code

    def sync(self, file: str, do: Do) -> int:
        if self._stops():
            return FSYNC_ERROR
        if self._fails_sync:
            self.bites["fsync-fails"] += 1
            self._known(file).give_up()
            return FSYNC_ERROR
        code = do()
        self._known(file).synced()
        return FSYNC_ERROR if self._stops() else code

    def lock(self, do: Do) -> int:
        return LOCK_ERROR if self._dead else do()

    def _stops(self) -> bool:
        """Whether nothing is written any more; one of the instants at which that may begin."""
        if not self._dead and self._instants.passes():
            self.dead = True
        return self._dead

    def _known(self, file: str) -> "_Unsafe":
        if file not in self._unsafe:
            self._unsafe[file] = _Unsafe(self._folder / file)
        return self._unsafe[file]


class Memory(Disk):
    """No disk at all: SQLite's own memory. Quicker, and nothing can happen to it but its end."""

    def __init__(self, instants: Instants) -> None:
        super().__init__(instants)
        self._uri = f"file:{self._folder.name}?mode=memory&cache=shared"

    def connect(self, path: Path) -> "sqlite3.Connection":
        return self._connect(self._uri)

    def lose_power(self, how_torn: float, random: Random) -> int:
        raise NotImplementedError("what is in memory only does not outlive the power")


class _Unsafe:
    """What of one file a power cut may undo."""

    def __init__(self, path: Path) -> None:
        self.sectors: dict[int, bytes] = {}
        """Those that were written since the last sync, as they are on the platter."""
        self._given_up: set[int] = set()
        """Those of them that no sync will save, unless they are written again."""
        self._path = path
        self._safe_size = self.length()

    def length(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def note(self, begin: int, end: int) -> None:
        """The sectors from byte ``begin`` to ``end`` are about to be written."""
        touched = range(begin // SECTOR, (end + SECTOR - 1) // SECTOR)
        there = self._read(touched.start * SECTOR, len(touched) * SECTOR)
        for number, sector in enumerate(touched):
            if sector not in self.sectors:
                self.sectors[sector] = there[number * SECTOR : (number + 1) * SECTOR]
        self._given_up.difference_update(touched)

    def _read(self, offset: int, size: int) -> bytes:
        """Without a file object, which takes longer to open than to read."""
        file = os.open(self._path, os.O_RDONLY)
        try:
            return os.pread(file, size, offset)
        finally:
            os.close(file)

    def give_up(self) -> None:
        """They could not be synced."""
        self._given_up.update(self.sectors)

    def synced(self) -> None:
        self.sectors = {sector: self.sectors[sector] for sector in sorted(self._given_up)}
        self._safe_size = self.length()

    def lose(self, how_torn: float, random: Random) -> int:
        """See :meth:`Disk.lose_power`."""
        lost = [
            sector
            for sector in sorted(self.sectors)
            if random.random() < how_torn or sector in self._given_up
        ]
        kept = self.sectors.keys() - lost
        size = max([self._safe_size, *((sector + 1) * SECTOR for sector in kept)])
        if not self._path.exists():
            return 0
        data = bytearray(self._path.read_bytes())
        size = min(size, max(len(data), self._safe_size))
        for sector in lost:
            begin = sector * SECTOR
            data.extend(bytes(max(0, begin - len(data))))
            data[begin : begin + SECTOR] = self.sectors[sector].ljust(SECTOR, b"\0")
        self._path.write_bytes(data[:size].ljust(size, b"\0"))
        return len(lost)


_execute = sqlite3.Connection.execute


class Connection(sqlite3.Connection):
    """One that notices when its disk dies, and goes down with it."""

    disk: Disk
    changes = 0

    def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        disk = self.disk
        if disk.watches and disk.dead:
            raise PowerCut
        try:
            return _execute(self, statement, values)
        except sqlite3.OperationalError as error:
            disk.bites["lock"] += error.sqlite_errorname == "SQLITE_BUSY"
            raise
        finally:
            if disk.watches and disk.dead:
                raise PowerCut
            changes = self.total_changes
            if changes != self.changes:
                self.changes = changes
                disk.changes += 1
