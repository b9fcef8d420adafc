"""The machine in software: a wire, boards behind it, time, visitors, and what must hold."""
