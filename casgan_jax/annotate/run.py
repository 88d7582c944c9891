"""Starts the server on the loopback address, and opens the page.

serve(place, folder, options, port=0, opened=webbrowser.open)
"""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import uvicorn

from casgan_jax.annotate.guard import Guard
from casgan_jax.annotate.server import Server
from casgan_jax.annotate.workplace import Examiner, Workplace
from casgan_jax.errors import UserError
from casgan_jax.labelling.batch import BatchOptions
from casgan_jax.soft_mask.label import label_from_recist

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")
_IDLE = 2.0  # seconds without a request after which qualities are looked for
_WARM = (5, 8, 12, 18, 26)  # radii in pixels of lesions whose sizes are compiled first


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
    examiner = Examiner(place, lambda: time.monotonic() - server.busy > _IDLE)
    threading.Thread(target=_compile, args=(place,), daemon=True).start()
    examiner.start()
    opened(f"http://{HOST}:{port}/?token={token}")
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        examiner.stop()
        listening.close()


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


def _compile(place: Workplace) -> None:
    """Compiles the solver for the usual sizes of lesions while the page is opened."""
    y, x = np.mgrid[:128, :128].astype(np.float32)
    for radius in _WARM:
        image = 1 / (1 + np.exp(np.hypot(x - 64, y - 64) - radius))
        axes = np.array([-radius, 0, radius, 0, 0, -radius, 0, radius], np.float32) + np.float32(64)
        label_from_recist(image.astype(np.float32), axes, place.options.scale)
