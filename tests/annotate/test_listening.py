"""Where the server listens: this computer alone, or with TLS, or by an explicit word."""

import http.client
import json
import shutil
import signal
import ssl
import subprocess

import pytest

from casgan_jax.annotate.listening import Listening
from tests.annotate import places
from tests.faults import fault_of

pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate of this computer, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl, which makes a certificate: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run(command, check=True, capture_output=True)
    return files


def test_the_loopback_address_needs_nothing():
    for host in ("127.0.0.1", "localhost", "127.0.0.2", "::1"):
        listening = Listening(host=host)
        listening.check()
        assert listening.is_loopback and listening.scheme == "http"
        assert listening.names == (host, "localhost")


@pytest.mark.parametrize("host", ["192.0.2.1", "reader-7", "2001:db8::1", "localhost.example"])
def test_any_other_needs_tls_or_a_word(host, pair):
    assert fault_of(Listening(host=host).check).what == "host"
    Listening(host=host, insecure_network=True).check()
    listening = Listening(host=host, certificate=pair[0], private_key=pair[1])
    listening.check()
    assert listening.scheme == "https" and listening.names == (host,)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_an_address_that_stands_for_all_is_refused(host):
    assert fault_of(Listening(host=host, insecure_network=True).check).what == "host"


def test_certificates_that_cannot_be_used_are_told(pair, tmp_path):
    assert fault_of(Listening(certificate=pair[0]).check).what == "private_key"
    assert fault_of(Listening(private_key=pair[1]).check).what == "certificate"
    (tmp_path / "bad.pem").write_text("no certificate")
    for one in (tmp_path / "bad.pem", tmp_path / "gone.pem"):
        assert fault_of(Listening(certificate=one, private_key=pair[1]).check).what == "certificate"


def test_a_port_that_is_taken_and_an_address_of_another_computer_are_told():
    with Listening().open() as taken:
        port = taken.getsockname()[1]
        error = fault_of(Listening(port=port).open, varies=True)  # by the port
        assert error.what == "port" and error.found.startswith(str(port))
    error = fault_of(Listening(host="192.0.2.1").open)
    assert error.what == "host" and "192.0.2.1" in error.found


@pytest.mark.slow
def test_tls_is_spoken_and_http_is_not_answered(pair, tmp_path):
    from tests.annotate.test_run import Server

    images = places.write_images(tmp_path / "images", 1)
    server = Server(
        images,
        tmp_path / "out",
        f"--certificate={pair[0]}",
        f"--private_key={pair[1]}",
        context=ssl.create_default_context(cafile=str(pair[0])),
    )
    answer, text = server.ask("GET", "/api/work")
    assert answer.status == 200 and len(json.loads(text)["lesions"]) == 1
    assert server.address.startswith("annotate: https://")
    plain = http.client.HTTPConnection(server.host, timeout=60)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.request("GET", "/api/work", headers=server.headers)
        plain.getresponse()
    plain.close()
    assert server.end(signal.SIGINT)[0] == 0
