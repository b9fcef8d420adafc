"""Measures Quench against the plainest program that does the same work: ``make bench``."""
