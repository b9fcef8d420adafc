"""The simulator in a terminal: another face of the desk. Only :mod:`sim.tui.program` is there
without textual."""
