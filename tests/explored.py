"""Searches that more than one test asks about, each made once."""

from dataclasses import replace
from functools import cache

from sim.explore.alphabet import RULES, VARIANTS, Alphabet
from sim.explore.search import Found, Search

STOPS = replace(RULES, stop_on_unknown=True)
SENSES = replace(RULES, senses_drop=True)
TRIES = replace(SENSES, tries_another_slot=True)

NO_SENSOR = VARIANTS["no sensor, unknown stops"]
SENSOR = Alphabet(SENSES, visitors=1)
SECOND_SLOT = Alphabet(replace(TRIES, stop_on_unknown=True), visitors=1)
"""``quench explore`` has more visitors and drinks."""


@cache
def explored(alphabet: Alphabet) -> tuple[Search, Found]:
    """A search that has come to its end, and what it found."""
    search = Search(alphabet)
    return search, search.run()
