"""A real file system with little room, to be filled and emptied, for who is started within it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.conftest import ROOT
from tests.processes import with_mounts


class SmallDisk:
    """Mounted on ``folder``, for those that are started :attr:`within`; it outlives them."""

    def __init__(self, folder: Path, keeper: subprocess.Popen[bytes]) -> None:
        room = ["nsenter", "--preserve-credentials", "--user", "--mount", f"--target={keeper.pid}"]
        # Who enters stands at the root of all, and must find this quench and no other.
        self.within = [*room, "sh", "-ec", 'cd "$0"\nexec "$@"', str(ROOT)]
        self.outside = Path(f"/proc/{keeper.pid}/root{folder}")
        """The same folder, for everybody else."""
        self._ballast = self.outside / "ballast"

    @property
    def full(self) -> bool:
        return self._ballast.exists()

    def fill(self) -> None:
        """To the last byte; again, if somebody has made room."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (4_096, 512, 1):
                with suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def free(self) -> None:
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[SmallDisk]:
    """One of ``kib`` KiB, as long as this lasts."""
    folder.mkdir()
    within = with_mounts(f'mount -t tmpfs -o size={kib}k tmpfs "{folder}"\necho mounted')
    # It has the file system as long as it can read from here.
    with subprocess.Popen(
        [*within, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"mounted\n"
        yield SmallDisk(folder, keeper)
