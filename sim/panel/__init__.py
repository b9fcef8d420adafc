"""The simulator's panel in a browser: its pages, and what they hear and say."""
