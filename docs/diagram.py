"""The state diagram of the README, from the transition table: ``python -m docs.diagram``."""

from controller.table import State, ways


def mermaid() -> str:
    """The table as a Mermaid state diagram: an arrow for each way, with the events that go it."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.OUT_OF_SERVICE.value}"]
    lines += [
        f"    {source.value} --> {dest.value}: {', '.join(events)}"
        for (source, dest), events in ways().items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(mermaid())
