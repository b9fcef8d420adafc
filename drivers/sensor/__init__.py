"""Drop sensors: what says that a drink really fell. A module each; see :mod:`drivers.sensors`."""
