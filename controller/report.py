"""What the log says: the machine's turns, for the person who reads it at the expo. Never who."""

import logging
import sys
from typing import TextIO

from controller.commands import Command, Settle
from controller.events import Outcome
from controller.status import SlotStatus, Status
from controller.table import State

log = logging.getLogger("quench")


def say(text: str, file: TextIO | None = None) -> None:
    """Print ``text`` as whole lines on ``file`` (standard output), in one write.

    ``print`` writes the line's end apart where Python is unbuffered, as under
    many service managers, and a line of another thread can come between.
    """
    file = file or sys.stdout
    file.write(f"{text}\n")
    file.flush()


class Report:
    """Logs what is new in each status, and how each dispense ended."""

    def __init__(self) -> None:
        self._told: tuple[State, str] | None = None
        self._faults: dict[str, str] = {}

    def watch(self, now_ms: int, event: object, commands: tuple[Command, ...]) -> None:
        """A runner's listener."""
        for command in commands:
            if isinstance(command, Settle):
                level = (
                    logging.WARNING
                    if command.outcome in (Outcome.FAILED, Outcome.UNKNOWN)
                    else logging.INFO
                )
                log.log(level, "dispense %d: %s", command.dispense_id, command.outcome.value)

    def status(self, status: Status) -> None:
        """A feed's subscriber."""
        for slot in status.slots:
            if slot.fault != self._faults.get(slot.name, ""):
                self._slot(slot)
        out = status.state is State.OUT_OF_SERVICE
        reason = status.reason.value if status.reason else ""
        told = (State.OUT_OF_SERVICE if out else State.IDLE, f"{reason}: {status.detail}")
        if told == self._told:
            return
        if out:
            log.warning("out of service: %s", f"{reason}: {status.detail}".rstrip(": "))
        else:
            log.info("in service")
        self._told = told

    def _slot(self, slot: SlotStatus) -> None:
        self._faults[slot.name] = slot.fault
        if slot.fault:
            log.warning(
                "slot %s is out of use: %s; once somebody has looked: quench stock load %s N",
                slot.name,
                slot.fault,
                slot.name,
            )
        else:
            log.info("slot %s is in use again", slot.name)
