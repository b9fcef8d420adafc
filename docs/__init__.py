"""Draws what the documents show."""
