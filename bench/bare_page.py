"""Baseline of the warning page: Starlette and uvicorn answering the same bytes, and nothing else.

Run as a program with a folder that holds ``body`` and ``headers.json``. The
options of uvicorn are those of ``controller/web/server.py``.
"""

import json
import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def main(folder: Path) -> None:
    body = (folder / "body").read_bytes()
    headers = json.loads((folder / "headers.json").read_text(encoding="utf-8"))

    async def page(request: Request) -> Response:
        return Response(body, headers=headers)

    # IPPROTO_TCP, so that asyncio sends without delay, as it does for ours.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    server = uvicorn.Server(
        uvicorn.Config(
            Starlette(routes=[Route("/s/{token}", page)]),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=3,
        )
    )
    print(f"quench: ready at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
