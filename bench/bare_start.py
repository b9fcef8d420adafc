"""Baseline of a start: import the modules that are named, bind a socket, say so, and stay."""

import importlib
import signal
import socket
import sys


def main(modules: list[str]) -> None:
    for module in modules:
        importlib.import_module(module)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"quench: ready at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
