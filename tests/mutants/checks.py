"""What a mutant has to get past, from quick to slow: a new check is added here, nowhere else."""

from dataclasses import dataclass

_PYTEST = (
    *("-m", "pytest", "-x", "-p", "no:cacheprovider", "--basetemp", "../tmp"),
    *("-p", "tests.mutants.unshrunk", "-p", "tests.mutants.witness"),
)


@dataclass(frozen=True, slots=True)
class Check:
    """A command that exits 0 if nothing is wrong, and 1 if something is."""

    name: str
    command: tuple[str, ...]
    """What Python is started with, in the root of the copy."""


def of_pytest(name: str, *files: str) -> Check:
    """Those of pytest in ``files``, which may be node ids; the first that fails ends it."""
    return Check(name, (*_PYTEST, *files))


def _files(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/test_{name}.py" for name in names)


_OF_ROOM = {
    "core": _files("table", "runner", "drops", "faults"),
    "runner": _files("runner", "visitors", "drops", "faults", "watchdog"),
    "journal": _files("journal", "drops", "runner"),
    "driver": _files("dialects", "port", "gpio", "faults", "contract", "independent_boards"),
    "web": _files("visitors", "runner", "web"),
}

FUZZ = Check("quench fuzz", ("-m", "controller.cli", "fuzz", "--visits", "20000", "--workers", "1"))

CROWDS = of_pytest("the crowds", *_files("properties"))

EXPLORED = of_pytest("what is explored", *_files("explore", "explore_runner"))

WITHIN = of_pytest(
    "within one process",
    *_files("table", "journal", "runner", "visitors", "faults", "drops", "dialects", "contract"),
    *_files("gpio", "port", "independent_boards", "disk", "fuzz", "config"),
)

PROCESSES = of_pytest(
    "real processes",
    *_files("web", "watchdog", "cli_errors", "crash", "kills", "cables", "usb", "board_switches"),
    *_files("relay_config", "relay_command", "board_command"),
)
"""What is left out: pages in a browser, documents, the house's own rules, and these mutants."""


def checks(room: str) -> tuple[Check, ...]:
    """All of them for a mutant of ``room``, in the order in which they are run."""
    of_room = of_pytest(f"tests of the {room}", *_OF_ROOM[room])
    return (of_room, FUZZ, CROWDS, EXPLORED, WITHIN, PROCESSES)
