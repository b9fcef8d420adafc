"""``quench stock`` and ``quench journal``: the books, for the person who fills the machine.

They open the journal beside a running controller, which notices within a second.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from controller.config import Config
from controller.errors import QuenchError
from controller.journal import Journal
from controller.storage import RealDisk


class Books:
    """The journal of one machine, opened for each question."""

    def __init__(self, config: Config, path: Path) -> None:
        self._config = config
        self._path = path

    def show_stock(self) -> None:
        """Print the sums of each slot, those of the config first."""
        with self._opened() as journal:
            books = {book.name: book for book in journal.books()}
        capacities = {slot.name: slot.capacity for slot in self._config.slots}
        _print_row("slot", "capacity", "remaining", "loaded", "dispensed", "failed", "unknown")
        for name in [*capacities, *(name for name in books if name not in capacities)]:
            book = books.get(name)
            if book is not None:
                sums = (book.remaining, book.loaded, book.dispensed, book.failed, book.unknown)
                _print_row(name, capacities.get(name, "-"), *sums)

    def load(self, name: str, drinks: int | None) -> None:
        """Slot ``name`` now holds ``drinks``, or is full. Raises QuenchError."""
        slot = next((slot for slot in self._config.slots if slot.name == name), None)
        if slot is None:
            names = ", ".join(slot.name for slot in self._config.slots)
            raise QuenchError(f"no slot is called {name!r}; there are: {names}")
        if drinks is None:
            drinks = slot.capacity
        if drinks > slot.capacity:
            raise QuenchError(f"slot {name} holds at most {slot.capacity} drinks, not {drinks}")
        with self._opened() as journal:
            journal.load(name, drinks)
        print(f"slot {name} now holds {drinks} of {slot.capacity}")

    def show_dispenses(self, last: int) -> None:
        """Print the ``last`` dispenses, and what waits to be reconciled."""
        with self._opened() as journal:
            entries, unknown = journal.entries(last), journal.unreconciled()
        print(f"{'id':>6}  {'begun (UTC)':20}{'slot':16}{'outcome':17}found")
        for entry in entries:
            outcome = entry.outcome.value if entry.outcome else "running"
            line = f"{entry.id:>6}  {entry.begun_at:20}{entry.slot:16}{outcome:17}"
            told = f"second try of {entry.retry_of}" if entry.retry_of else ""
            print((line + " ".join(filter(None, (entry.found, told)))).rstrip())
        if unknown:
            print(
                f"{unknown} of unknown outcome; look, then:"
                " quench journal reconcile ID dispensed|remaining|failed"
            )

    def reconcile(self, dispense_id: int, found: str) -> None:
        """A person looked: what a dispense of unknown outcome did. Raises QuenchError."""
        with self._opened() as journal:
            journal.reconcile(dispense_id, found)
        print(f"dispense {dispense_id}: {found}")

    @contextmanager
    def _opened(self) -> Iterator[Journal]:
        with closing(Journal(self._path, storage=RealDisk(create=False))) as journal:
            yield journal


def _print_row(name: str, *cells: object) -> None:
    print(f"{name:16}" + "".join(f"{cell!s:>10}" for cell in cells))
