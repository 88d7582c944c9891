"""Starts the server on the loopback address, and opens the page.

serve(place, folder, options, port=0, opened=webbrowser.open)
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn

from casgan_jax.annotate.examiner import Examiner
from casgan_jax.annotate.guard import Guard
from casgan_jax.annotate.server import Server
from casgan_jax.annotate.workplace import Workplace
from casgan_jax.errors import UserError
from casgan_jax.labelling.batch import BatchOptions

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")
_IDLE = 2.0  # seconds without a request after which qualities are looked for


def serve(
    place: Workplace,
    folder: Path,
    options: BatchOptions,
    *,
    port: int = 0,
    opened: Callable[[str], object],
) -> None:
    """Serves until it is interrupted.

    Args:
      place: the reader's work.
      folder: that accepted lesions are exported to.
      options: of the export.
      port: to listen on; 0: any that is free.
      opened: called with the address once the server listens.

    Raises:
      UserError: the port is taken.
    """
    listening = _listen(port)
    port = listening.getsockname()[1]
    token = secrets.token_urlsafe(32)
    server = Server(place, folder, options)
    app = Guard(server.app, token=token, hosts=[f"{name}:{port}" for name in _NAMES])
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        lifespan="off",
        server_header=False,
        h11_max_incomplete_event_size=32 * 1024,
        limit_concurrency=256,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
        ws="none",
    )
    with listening, Examiner(place, idle=lambda: time.monotonic() - server.busy > _IDLE):
        opened(f"http://{HOST}:{port}/?token={token}")
        with contextlib.suppress(KeyboardInterrupt):  # which uvicorn raises again at its end
            uvicorn.Server(config).run(sockets=[listening])
        place.settle()


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise UserError(
            "port", found=f"{port}, which is taken", expected="a free one", remedy="give another"
        ) from error
    listening.listen(128)
    return listening
