"""How an explorer, which can keep only finitely many stories, tells a watcher's story again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sim.trace import Intent


@dataclass(frozen=True, slots=True)
class Retelling:
    """The same as of ``now_ms``, with other names, and without what can't matter any more."""

    now_ms: int
    passed_ms: int
    """How much later it is than when the story was told last."""
    pages: Mapping[tuple[str, str], tuple[str, str]]
    """What each page that may still matter, a token and a mark, is called from now on."""
    newer: int
    """By how much the numbers of all dispenses go down."""
    running: frozenset[int]
    """Those that run, by their numbers till now."""
    open: frozenset[int]
    """Those whose intents are open."""
    latest: int
    """The last that was asked for."""

    def at_ms(self, then_ms: int) -> int:
        """That moment."""
        return then_ms - self.passed_ms

    def ids(self, ids: Iterable[int], among: frozenset[int]) -> set[int]:
        """Those of ``ids`` that are ``among`` these."""
        return {each - self.newer for each in ids if each in among}

    def intent(self, intent: Intent, token_digest: str) -> Intent:
        """``intent``; of a dispense that is over, only that it was, and whose."""
        if intent.dispense_id not in self.running:
            return Intent(0, "", token_digest, None)
        return intent._replace(
            dispense_id=intent.dispense_id - self.newer,
            token_digest=token_digest,
            retry_of=intent.retry_of and intent.retry_of - self.newer,
        )
