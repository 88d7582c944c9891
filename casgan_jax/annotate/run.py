"""Starts the server, and opens the page.

serve(place, folder, options, listening=Listening(), opened=webbrowser.open)
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn

from casgan_jax.annotate.examiner import Examiner
from casgan_jax.annotate.guard import Guard
from casgan_jax.annotate.listening import Listening
from casgan_jax.annotate.server import Server
from casgan_jax.annotate.workplace import Workplace
from casgan_jax.labelling.batch import BatchOptions

_IDLE = 2.0  # seconds without a request after which qualities are looked for


def serve(
    place: Workplace,
    folder: Path,
    options: BatchOptions,
    *,
    listening: Listening,
    opened: Callable[[str], object],
) -> None:
    """Serves until it is interrupted.

    Args:
      place: the reader's work.
      folder: that accepted lesions are exported to.
      options: of the export.
      listening: where.
      opened: called with the address once the server listens.

    Raises:
      UserError: the address cannot be had, or is not safe.
    """
    listening.check()
    opened_socket = listening.open()
    port = opened_socket.getsockname()[1]
    token = secrets.token_urlsafe(32)
    server = Server(place, folder, options)
    hosts = [f"{_bracketed(name)}:{port}" for name in listening.names]
    app = Guard(server.app, token=token, hosts=hosts, scheme=listening.scheme)
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
        ssl_certfile=listening.certificate,
        ssl_keyfile=listening.private_key,
    )
    with opened_socket, Examiner(place, idle=lambda: time.monotonic() - server.busy > _IDLE):
        opened(f"{listening.scheme}://{hosts[0]}/?token={token}")
        with contextlib.suppress(KeyboardInterrupt):  # which uvicorn raises again at its end
            uvicorn.Server(config).run(sockets=[opened_socket])
        place.settle()


def _bracketed(host: str) -> str:
    """As it stands in an address."""
    return f"[{host}]" if ":" in host else host
