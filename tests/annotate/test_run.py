"""The command: it ends when it is told to, keeps what was confirmed, exports without a browser."""

import http.client
import json
import re
import signal
import subprocess
import sys

import pytest

from tests.annotate import places
from tests.faults import LINE

pytestmark = pytest.mark.slow

pytest.importorskip("uvicorn")


class Server:
    """`casgan annotate` as a process, asked over HTTP."""

    def __init__(self, folder, output, *options, context=None):
        self._context = context
        command = [sys.executable, "-m", "launch.annotate", f"--input={folder}"]
        self.process = subprocess.Popen(
            [*command, f"--output={output}", "--noopen", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.address = self.process.stdout.readline()
        found = re.search(r"https?://([\d.:]+)/(\?token=\S+)", self.address)
        assert found, self.process.stderr.read()
        self.host = found[1]
        self.headers = {"Origin": f"{'https' if context else 'http'}://{self.host}"}
        answer, _ = self.ask("GET", f"/{found[2]}")
        self.headers["Cookie"] = answer.headers["set-cookie"].split(";")[0]

    def ask(self, method, address, body=None):
        if self._context:
            connection = http.client.HTTPSConnection(self.host, context=self._context, timeout=120)
        else:
            connection = http.client.HTTPConnection(self.host, timeout=120)
        try:
            connection.request(method, address, body and json.dumps(body), self.headers)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def act(self, kind, body, after):
        request = {"key": "image-0", "kind": kind, "body": body, "after": after}
        answer, text = self.ask("POST", "/api/act", request)
        assert answer.status == 200, text
        return json.loads(text)["last"]

    def end(self, number):
        self.process.send_signal(number)
        told = self.process.communicate(timeout=120)
        return self.process.returncode, *told


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "launch.annotate", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_ctrl_c_ends_it_at_once_and_quietly(tmp_path):
    server = Server(places.write_images(tmp_path / "images"), tmp_path / "out")
    status, output, errors = server.end(signal.SIGINT)
    assert (status, errors) == (0, "") and "ended; the same command goes on" in output


def test_it_listens_on_the_loopback_address_alone(tmp_path):
    server = Server(places.write_images(tmp_path / "images"), tmp_path / "out")
    port = int(server.host.rpartition(":")[2])
    with open("/proc/net/tcp") as file:
        sockets = [line.split() for line in file.readlines()[1:]]
    listening = {one[1] for one in sockets if one[3] == "0A" and one[1].endswith(f":{port:04X}")}
    server.end(signal.SIGINT)
    assert listening == {f"0100007F:{port:04X}"}


def test_the_export_without_a_browser(tmp_path):
    images = places.write_images(tmp_path / "images")
    server = Server(images, tmp_path / "out", "--reader=anna")
    last = server.act("mark", places.MARK, 0)
    server.act("decide", {"decision": "accepted"}, last)
    flags = (f"--input={images}", f"--output={tmp_path / 'out'}", "--reader=anna", "--export")
    assert "another process annotating" in command(*flags).stderr
    server.end(signal.SIGINT)
    done = command(*flags)
    assert done.returncode == 0, done.stderr
    assert "1 accepted lesion written" in done.stdout
    assert (tmp_path / "out" / "anna" / "soft_masks" / "image-0.png").is_file()
    other = command(*flags[:2], "--reader=ben", "--export")
    assert other.returncode == 1 and "found no accepted lesion" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "--input: found none, expected a folder, an image or a table"),
        (["--input=x"], "--output: found none, expected a folder"),
        (["--input=/nowhere", "--output={}"], "/nowhere: found no such file"),
        (["--input={}/empty", "--output={}/out"], "found no image"),
        (["--input=x", "--output={}", "--host=192.0.2.1"], "--host: found '192.0.2.1' without TLS"),
        (["--input={}/images", "--output={}/out", "--workdir={}"], "workdir"),
        (["--input={}/images", "--output={}/out", "--reader=../x"], "expected a name for files"),
    ],
)
def test_mistakes_get_one_line(tmp_path, arguments, line):
    places.write_images(tmp_path / "images")
    (tmp_path / "empty").mkdir()
    done = command(*(one.format(tmp_path) for one in arguments))
    assert done.returncode == 1
    error = done.stderr.strip().removeprefix("error: ")
    assert line in error and LINE.fullmatch(error), done.stderr
