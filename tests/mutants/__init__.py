"""Proof that the tests bite: slips that a maintainer could make, and the check that finds each.

A mutant is data, in the TOML files beside this one: a place, what stands there, and
what a tired hand would write instead. ``python -m tests.mutants`` puts them one at a
time into a throwaway copy and runs the checks, until one fails. One that nothing
finds is a hole in the tests, and the run fails.
"""
