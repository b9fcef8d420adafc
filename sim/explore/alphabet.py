"""What the explorer plays with: little enough to try everything, enough for everything to go wrong.

Times are small whole numbers, so that it stops at every moment there is: at each deadline,
just before it, and just after.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from controller.machine import Machine, Rules
from controller.memory import Slot
from sim.properties import Limits

PULSE_MS = 1
RULES = Rules(dwell_ms=1, scan_timeout_ms=2, confirm_timeout_ms=2, drop_timeout_ms=1)

MARGIN_MS = 8
"""In each of two tries, two answers and two deadlines may come a moment late."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """One machine, and how many are around it."""

    rules: Rules = RULES
    slots: tuple[str, ...] = ("water", "tea")
    holds: tuple[int, ...] = (1, 1)
    """How many drinks go into each. At the beginning they are full."""
    visitors: int = 2
    """How many pages of the current code there may be, 1 to 3."""
    machine: Callable[..., Machine] = Machine

    @property
    def channels(self) -> range:
        """Those of the slots."""
        return range(1, len(self.slots) + 1)

    def limits(self) -> Limits:
        """What the watchers hold the machine to."""
        rules = self.rules
        try_ms = PULSE_MS + rules.drop_timeout_ms
        return Limits(
            dwell_ms=rules.dwell_ms,
            longest_ms=max(rules.scan_timeout_ms, rules.confirm_timeout_ms, 2 * try_ms),
            pulse_ms=dict.fromkeys(self.channels, PULSE_MS),
            slot=dict(zip(self.channels, self.slots, strict=True)),
            tries_another_slot=rules.tries_another_slot,
            margin_ms=MARGIN_MS,
        )

    def born(self, remaining: tuple[int, ...], unknown: int, next_dispense_id: int) -> Machine:
        """A core that begins where a journal ends, made as ``controller.assembly`` does."""
        slots = tuple(
            Slot(name, channel, PULSE_MS, left)
            for name, channel, left in zip(self.slots, self.channels, remaining, strict=True)
        )
        return self.machine(slots, self.rules, unknown=unknown, next_dispense_id=next_dispense_id)


_SENSES = replace(RULES, senses_drop=True)

VARIANTS: Mapping[str, Alphabet] = {
    f"{sensor}, {unknown}": replace(alphabet, rules=replace(alphabet.rules, stop_on_unknown=stops))
    for sensor, alphabet in {
        "no sensor": Alphabet(),
        "sensor": Alphabet(_SENSES),
        # The first slot has another drink: that one must not be tried.
        "sensor, second slot": Alphabet(replace(_SENSES, tries_another_slot=True), holds=(2, 1)),
    }.items()
    for unknown, stops in {"unknown goes on": False, "unknown stops": True}.items()
}
"""The rules between which a config chooses."""
