"""Emulated relay boards: the devices behind the wire, byte for byte, one module a dialect."""
