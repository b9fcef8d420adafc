"""Throwaway copies of the working tree: nothing is ever changed in the tree itself."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def known_files(root: Path) -> list[Path]:
    """What git knows of ``root``, and what it would be told of: edits not yet committed count."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = (Path(name) for name in listed.split("\0") if name)
    return [path for path in paths if (root / path).is_file()]


def take(root: Path, into: Path) -> None:
    """Copy the working tree at ``root``, as it is now, to ``into``."""
    for path in known_files(root):
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / path, into / path)


@contextmanager
def fresh(pristine: Path) -> Iterator[Path]:
    """A copy of ``pristine`` of its own, in a folder of its own; both are removed in the end.

    A new one each time: whatever a run left, bytecode too, is no part of the next.
    """
    with tempfile.TemporaryDirectory(prefix="quench-mutant-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(pristine, copy)
        yield copy
