"""A study out of a real archive and labels back into it, and what may go wrong on the way.

Lines that name a server of this computer vary: its port is another one in every run.
"""

import http.server
import json
import threading

import highdicom
import pydicom
import pytest

from casgan_jax.dicom.objects import KINDS, series_of, write_objects
from casgan_jax.dicom.web import _telling, fetch, parse_address, store
from tests import orthanc
from tests.dicom import images
from tests.faults import fault_of

pytestmark = pytest.mark.slow

STUDY, SERIES = images.TAGS["StudyInstanceUID"], images.TAGS["SeriesInstanceUID"]


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch):
    for name in ("DICOMWEB_TOKEN", "DICOMWEB_USER", "DICOMWEB_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The URL of a service that overwrites, with a study of three slices."""
    folder = tmp_path_factory.mktemp("orthanc")
    files = [images.write_slice(folder / f"{n}.dcm", n) for n in range(3)]
    with orthanc.running(folder / "run", OverwriteInstances=True) as url:
        assert store(url, files, progress=False) == 3
        yield url


def fetched(url, folder, path=f"/studies/{STUDY}", **options):
    return fetch(parse_address(url + path), folder, progress=False, **options)


def written(folder, file, **fields):
    """The objects of a finding on a slice, in the order in which they are stored."""
    ((_, group),) = series_of([images.finding(file, **fields)]).items()
    write_objects(folder, group, KINDS)
    return [folder / f"{kind}.dcm" for kind in ("soft", "binary", "report", "contours")]


def test_a_study_comes_out_and_labels_go_back_into_it(archive, tmp_path):
    folder = fetched(archive, tmp_path / "study", f"/studies/{STUDY}/series/{SERIES}")
    slices = sorted(folder.glob("*.dcm"))
    assert folder == tmp_path / "study" / SERIES and len(slices) == 3
    assert store(archive, written(tmp_path / "made", slices[1]), progress=False) == 4

    assert {path.name for path in fetched(archive, tmp_path / "plain").iterdir()} == {SERIES}
    again = fetched(archive, tmp_path / "again", ours=True)
    found = {dataset.Modality: dataset for dataset in map(pydicom.dcmread, again.glob("*/*.dcm"))}
    assert found.keys() == {"CT", "SEG", "SR", "RTSTRUCT"}
    for dataset in found.values():
        assert (dataset.PatientID, str(dataset.PatientName)) == ("A-7", "Muster^Änne")
        assert dataset.StudyInstanceUID == STUDY
    (report,) = (path for path in again.glob("*/*.dcm") if pydicom.dcmread(path).Modality == "SR")
    groups = highdicom.sr.srread(report).content.get_image_measurement_groups()
    lengths = [item.value for item in groups[0].get_measurements()]
    assert lengths == pytest.approx(images.finding(slices[1]).diameters_mm, abs=1e-5)


def test_what_is_there_is_not_fetched_again(archive, tmp_path):
    folder = fetched(archive, tmp_path / "study")
    paths = sorted(folder.glob(f"{SERIES}/*.dcm"))
    kept = paths[0].stat().st_mtime_ns
    paths[1].unlink()
    fetched(archive, tmp_path / "study")
    assert sorted(folder.glob(f"{SERIES}/*.dcm")) == paths
    assert paths[0].stat().st_mtime_ns == kept


def test_labelling_again_replaces_what_is_stored(archive, tmp_path):
    file = images.write_slice(tmp_path / "0.dcm", 0)
    store(archive, written(tmp_path / "a", file), progress=False)
    before = len(list(fetched(archive, tmp_path / "first", ours=True).glob("*/*.dcm")))
    files = written(tmp_path / "b", file, threshold=0.3)
    store(archive, files, progress=False)
    after = list(fetched(archive, tmp_path / "second", ours=True).glob("*/*.dcm"))
    assert len(after) == before
    made = pydicom.dcmread(files[1])
    (found,) = (path for path in after if path.stem == made.SOPInstanceUID)
    assert pydicom.dcmread(found).ContentDescription == "soft masks at 0.3"


def test_an_archive_that_keeps_the_old_object_is_told(tmp_path):
    file = images.write_slice(tmp_path / "0.dcm", 0)
    with orthanc.running(tmp_path / "run", OverwriteInstances=False) as url:
        files = written(tmp_path / "a", file)[:1]
        assert store(url, files, progress=False) == 1
        assert store(url, files, progress=False) == 1
        changed = written(tmp_path / "b", file, threshold=0.3)[:1]
        assert fault_of(store, url, changed, progress=False, varies=True).what.endswith("/soft.dcm")


def test_credentials_are_asked_for_and_taken_from_the_environment(tmp_path, monkeypatch):
    users = {"AuthenticationEnabled": True, "RegisteredUsers": {"ann": "secret"}}
    file = images.write_slice(tmp_path / "0.dcm", 0)
    with orthanc.running(tmp_path / "run", **users) as url:
        error = fault_of(fetched, url, tmp_path / "study", varies=True)
        assert error.what == "input" and "401" in error.found and "DICOMWEB_TOKEN" in error.remedy
        monkeypatch.setenv("DICOMWEB_USER", "ann")
        monkeypatch.setenv("DICOMWEB_PASSWORD", "wrong")
        error = fault_of(fetched, url, tmp_path / "study", varies=True)
        assert error.what == "input" and "401" in error.found
        assert "wrong" not in str(error)
        monkeypatch.setenv("DICOMWEB_PASSWORD", "secret")
        assert store(url, [file], progress=False) == 1
        assert list(fetched(url, tmp_path / "study").glob("*/*.dcm"))


def test_a_study_that_is_not_there_is_told(archive, tmp_path):
    assert fault_of(fetched, archive, tmp_path / "a", "/studies/1.2.3", varies=True).what == "input"
    assert not (tmp_path / "a").exists()
    error = fault_of(fetched, archive + "/other", tmp_path / "a", varies=True)
    assert error.what == "input" and "404" in error.found


def test_a_service_that_does_not_run_is_told(tmp_path):
    url = f"http://127.0.0.1:{orthanc._free_port()}/dicom-web"
    assert fault_of(fetched, url, tmp_path / "a", varies=True).what == "input"
    file = images.write_slice(tmp_path / "0.dcm", 0)
    assert fault_of(store, url, [file], progress=False, varies=True).what == "store"


class _Page(http.server.BaseHTTPRequestHandler):
    """A web server that is no DICOMweb service; the path says what it answers."""

    def do_GET(self):
        status = int(self.path.split("/")[1])
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>welcome</html>")

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def page(request):
    answers = getattr(request, "param", _Page)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "status",
    [
        200,
        401,
        403,
        404,
        500,
        503,
    ],
)
def test_answers_of_others_get_one_line(page, tmp_path, status):
    url = f"{page}/{status}"
    error = fault_of(fetched, url, tmp_path / "a", varies=True)
    assert error.what == "input" and (status == 200 or f"({status})" in error.found)
    file = images.write_slice(tmp_path / "0.dcm", 0)
    error = fault_of(store, url, [file], progress=False, varies=True)
    assert error.what == "store" and (status == 200 or f"({status})" in error.found)


class _Garbled(_Page):
    """A service that has one object, which is none."""

    def do_GET(self):
        self.send_response(200)
        searches = self.path.partition("?")[0].endswith("/instances")
        uids = {"0020000E": {"Value": ["1.2"]}, "00080018": {"Value": ["1.3"]}}
        body = json.dumps([uids] if "offset" not in self.path else []).encode()
        kind = "application/dicom+json"
        if not searches:
            kind = 'multipart/related; type="application/dicom"; boundary=B'
            head = b"--B\r\nContent-Type: application/dicom\r\n\r\n"
            body = head + self.path.encode() + b"\r\n--B--"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize("page", [_Garbled], indirect=True)
def test_an_object_that_is_none_gets_one_line_and_leaves_no_file(page, tmp_path):
    assert fault_of(fetched, page, tmp_path / "a", varies=True).what == "input"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_mistake_of_the_program_is_none_of_the_service():
    with pytest.raises(AssertionError), _telling("https://pacs.example", "input"):
        raise AssertionError


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://pacs.example/dicom-web", id="no study"),
        pytest.param(
            "https://ann:secret@pacs.example/dicom-web/studies/1.2",
            id="a name",
        ),
        pytest.param("https://pacs.example/studies/../../etc", id="no study"),
        pytest.param("https:///studies/1.2", id="a URL of DICOMweb"),
    ],
)
def test_addresses_that_are_none_are_refused(url):
    error = fault_of(parse_address, url)
    assert error.what == "input" and "secret" not in str(error)


def test_credentials_never_go_by_plain_http_to_another_host(monkeypatch):
    monkeypatch.setenv("DICOMWEB_TOKEN", "secret")
    error = fault_of(parse_address, "http://pacs.example/dicom-web/studies/1.2")
    assert error.what == "input" and "secret" not in str(error)
    assert parse_address("http://127.0.0.1:8042/dicom-web/studies/1.2").study == "1.2"
