"""A real Orthanc with its DICOMweb plugin, on the loopback address, for as long as a test needs."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGIN = "libOrthancDicomWeb.so"
_FOLDERS = ("/usr/share/orthanc/plugins", "/usr/local/share/orthanc/plugins", "/usr/lib/orthanc")
_PATIENCE = 60  # seconds until it answers


def orthanc() -> tuple[str, Path]:
    """The program and the folder of its plugin; skips the calling test where there is none."""
    found = shutil.which("Orthanc", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    plugins = [Path(name) for name in _FOLDERS if (Path(name) / PLUGIN).exists()]
    if found is None or not plugins:
        pytest.skip("Orthanc and its DICOMweb plugin are not installed")
    return found, plugins[0]


@contextlib.contextmanager
def running(folder: Path, **options: object) -> Iterator[str]:
    """Starts one with its storage in the folder; yields the URL of its DICOMweb service.

    Args:
      folder: for storage, configuration and log; made.
      **options: of Orthanc's configuration.
    """
    found, plugin = orthanc()
    folder.mkdir(parents=True)
    port = _free_port()
    settings = {
        "Name": "test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "Plugins": [str(plugin / PLUGIN)],
        "HttpServerEnabled": True,
        "HttpPort": port,
        "HttpBindAddresses": ["127.0.0.1"],
        "RemoteAccessAllowed": False,
        "DicomServerEnabled": False,
        "AuthenticationEnabled": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
        **options,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [found, str(folder / "orthanc.json")], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(port, process, folder / "log")
            yield f"http://127.0.0.1:{port}/dicom-web"
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _wait(port: int, process: subprocess.Popen, log: Path) -> None:
    for _ in range(10 * _PATIENCE):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/dicom-web/studies", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return  # it answers, if only to ask who we are
        except OSError:
            assert process.poll() is None, log.read_text()[-2000:]
            time.sleep(0.1)
    raise AssertionError(f"Orthanc does not answer: {log.read_text()[-2000:]}")
