"""A hand between SQLite and its files: what it writes and syncs can be counted, refused, cut off.

The library that Python's ``sqlite3`` itself uses gets a file system more, by way of
ctypes. It is the usual one of this computer, except that whoever opens a database in a
folder that somebody watches has its writes, truncations and syncs go through that
somebody's hands while he wants them to. Nothing else of SQLite is touched.

Source: https://www.sqlite.org/c3ref/vfs.html and https://www.sqlite.org/c3ref/io_methods.html
"""

import atexit
import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Protocol

from controller.errors import QuenchError

NAME = "quench-sim"

OK = 0
FULL = 13
_IO_ERROR = 10
WRITE_ERROR = _IO_ERROR | 3 << 8
FSYNC_ERROR = _IO_ERROR | 4 << 8
LOCK_ERROR = _IO_ERROR | 15 << 8
_CANNOT_OPEN = 14

Do = Callable[[], int]
"""Does what was asked for, on the real file; returns SQLite's code."""


class Hand(Protocol):
    """Through whose hands it goes. ``file`` is a name in the folder."""

    watches: bool
    """Whether it does at all, just now."""

    def write(self, file: str, offset: int, size: int, do: Do) -> int: ...

    def truncate(self, file: str, size: int, do: Do) -> int: ...

    def sync(self, file: str, do: Do) -> int: ...

    def lock(self, do: Do) -> int: ...


_hands: dict[str, Hand] = {}
"""By folder."""


class _OpenFile:
    """A file that SQLite has open: ``at`` is the address of its ``sqlite3_file``."""

    def __init__(self, at: int, name: str, hand: Hand) -> None:
        self.name = name
        self.hand = hand
        self._methods = ctypes.c_void_p.from_address(at)
        original = int(self._methods.value or 0)
        self.own = _Methods.from_address(original)
        self._calm, self._watched = _changed(original)
        self.renew()

    def renew(self) -> None:
        """As its hand wants it now."""
        wanted = self._watched if self.hand.watches else self._calm
        self._methods.value = ctypes.addressof(wanted)


_open: dict[int, _OpenFile] = {}


def watch(folder: Path, hand: Hand) -> None:
    """Databases in ``folder`` that are opened with ``vfs=quench-sim`` go through ``hand``.

    Raises QuenchError if that can't be done with this Python.
    """
    _register()
    _hands[str(folder)] = hand


def renew(hand: Hand) -> None:
    """``hand.watches`` has changed."""
    for file in _open.values():
        if file.hand is hand:
            file.renew()


def unwatch(folder: Path) -> None:
    """Forget it. Nothing in it may be open."""
    del _hands[str(folder)]


# -- the functions that SQLite calls ----------------------------------------------------------
# An exception can't pass through C: each of these answers, whatever happens.


def _xclose(at: int) -> int:
    return int(_open.pop(at).own.xClose(at))


def _xwrite(at: int, source: int, size: int, offset: int) -> int:
    file = _open[at]
    return file.hand.write(
        file.name, offset, size, lambda: int(file.own.xWrite(at, source, size, offset))
    )


def _xtruncate(at: int, size: int) -> int:
    file = _open[at]
    return file.hand.truncate(file.name, size, lambda: int(file.own.xTruncate(at, size)))


def _xsync(at: int, flags: int) -> int:
    file = _open[at]
    return file.hand.sync(file.name, lambda: int(file.own.xSync(at, flags)))


def _xlock(at: int, level: int) -> int:
    file = _open[at]
    return file.hand.lock(lambda: int(file.own.xLock(at, level)))


def _xopen(vfs: int, name: int | None, at: int, flags: int, out_flags: int | None) -> int:
    usual = _usual()
    code = int(usual.xOpen(ctypes.addressof(usual), name, at, flags, out_flags))
    if code == OK and name is not None:
        path = Path(ctypes.string_at(name).decode())
        hand = _hands.get(str(path.parent))
        if hand is not None:
            _open[at] = _OpenFile(at, path.name, hand)
    return code


# -- how SQLite finds them --------------------------------------------------------------------

_INT, _INT64, _POINTER = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
_CLOSE = ctypes.CFUNCTYPE(_INT, _POINTER)
_WRITE = ctypes.CFUNCTYPE(_INT, _POINTER, _POINTER, _INT, _INT64)
_TRUNCATE = ctypes.CFUNCTYPE(_INT, _POINTER, _INT64)
_SYNC = ctypes.CFUNCTYPE(_INT, _POINTER, _INT)
_LOCK = ctypes.CFUNCTYPE(_INT, _POINTER, _INT)
_OPEN = ctypes.CFUNCTYPE(_INT, _POINTER, _POINTER, _POINTER, _INT, _POINTER)


class _Methods(ctypes.Structure):
    """``sqlite3_io_methods``, version 3."""

    _fields_ = (
        ("iVersion", _INT),
        ("xClose", _CLOSE),
        ("xRead", _POINTER),
        ("xWrite", _WRITE),
        ("xTruncate", _TRUNCATE),
        ("xSync", _SYNC),
        ("xFileSize", _POINTER),
        ("xLock", _LOCK),
        *((f"other{number}", _POINTER) for number in range(11)),
    )


class _Vfs(ctypes.Structure):
    """``sqlite3_vfs``, version 3."""

    _fields_ = (
        ("iVersion", _INT),
        ("szOsFile", _INT),
        ("mxPathname", _INT),
        ("pNext", _POINTER),
        ("zName", ctypes.c_char_p),
        ("pAppData", _POINTER),
        ("xOpen", _OPEN),
        *((f"other{number}", _POINTER) for number in range(15)),
    )


@cache
def _changed(original: int) -> tuple[_Methods, _Methods]:
    """Copies of the methods at that address: one that minds the closing, and one that watches."""
    calm, watched = _Methods(), _Methods()
    for copy in (calm, watched):
        ctypes.memmove(ctypes.addressof(copy), original, ctypes.sizeof(_Methods))
        copy.xClose = _CLOSE(_xclose)
    watched.xWrite, watched.xTruncate = _WRITE(_xwrite), _TRUNCATE(_xtruncate)
    watched.xSync, watched.xLock = _SYNC(_xsync), _LOCK(_xlock)
    return calm, watched


@cache
def _usual() -> _Vfs:
    """The file system that SQLite uses on this computer."""
    try:
        find = _library().sqlite3_vfs_find
    except (OSError, AttributeError) as error:
        raise QuenchError(
            "the simulated disk needs a Python whose SQLite can be reached (Debian's and"
            f" Raspberry Pi OS's can): {error}"
        ) from error
    find.restype = _POINTER
    return _Vfs.from_address(find(None))


@cache
def _register() -> _Vfs:
    """Make the file system known, once; what is returned must never be forgotten."""
    vfs = _Vfs()
    ctypes.memmove(ctypes.addressof(vfs), ctypes.addressof(_usual()), ctypes.sizeof(_Vfs))
    vfs.pNext, vfs.zName, vfs.xOpen = None, NAME.encode(), _OPEN(_xopen)
    if _library().sqlite3_vfs_register(ctypes.byref(vfs), 0) != OK:
        raise QuenchError("SQLite refuses the simulated disk")
    atexit.register(_let_go)
    return vfs


def _let_go() -> None:
    """Python ends before SQLite does: what is still open must not call it any more."""
    for at, file in _open.items():
        ctypes.c_void_p.from_address(at).value = ctypes.addressof(file.own)


def _library() -> ctypes.CDLL:
    """The very SQLite that ``sqlite3`` uses: its own module, or what that was linked with."""
    import _sqlite3  # noqa: PLC0415

    return ctypes.CDLL(getattr(_sqlite3, "__file__", None))
