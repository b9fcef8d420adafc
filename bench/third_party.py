"""The modules of other projects that a running Quench has imported, in that order."""

import sys
from pathlib import Path

from bench.program import PYTHON, READY, running

_TOLD = """
import atexit, sys
atexit.register(lambda: print("modules:", *sys.modules))
from controller.cli import main
sys.exit(main(sys.argv[1:]))
"""

_OURS = {"controller", "drivers", "sim", "__main__"}


def modules(config: Path) -> list[str]:
    """Those that ``quench run --config CONFIG`` loads from its start to its end."""
    with running(PYTHON, "-c", _TOLD, "run", "--config", config) as program:
        program.wait_for(READY)
        lines = program.said_until_end()
    (told,) = (line for line in lines if line.startswith("modules:"))
    ours_and_python = _OURS | sys.stdlib_module_names
    return [name for name in told.split()[1:] if name.split(".")[0] not in ours_and_python]
