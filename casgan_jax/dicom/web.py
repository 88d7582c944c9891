"""Studies out of a PACS and objects back into it, by DICOMweb (QIDO, WADO and STOW).

    folder = fetch(parse_address("https://pacs.example/dicom-web/studies/1.2.3"), Path("study"))
    store("https://pacs.example/dicom-web", [Path("soft.dcm")])

Credentials come from the environment alone, DICOMWEB_TOKEN (a bearer token), or DICOMWEB_USER and
DICOMWEB_PASSWORD; they are sent to nobody but the service, and never by plain HTTP to another host.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import struct
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from casgan_jax.dicom.identity import series_made_of
from casgan_jax.errors import UserError, one_line
from casgan_jax.files import make_folder, write_whole
from casgan_jax.images.checks import import_extra
from casgan_jax.images.dicom import read_dataset
from casgan_jax.progress import followed

TOKEN, USER, PASSWORD = "DICOMWEB_TOKEN", "DICOMWEB_USER", "DICOMWEB_PASSWORD"

_ADDRESS = re.compile(r"(?P<service>.+?)/studies/(?P<study>[\d.]+)(/series/(?P<series>[\d.]+))?/?")
_EXAMPLE = "https://HOST/dicom-web/studies/UID, or .../studies/UID/series/UID"
_UID = re.compile(r"[\d.]{1,64}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_TIMEOUT = 60  # seconds without an answer


class Address(NamedTuple):
    """Where a study, or one series of it, is to be had.

    Attributes:
      service: URL of the DICOMweb service.
      study: StudyInstanceUID.
      series: SeriesInstanceUID, or None for all.
    """

    service: str
    study: str
    series: str | None


def is_address(text: str) -> bool:
    """Whether a text is a URL and no path."""
    return text.startswith(("http://", "https://"))


def parse_address(url: str) -> Address:
    """The parts of the URL of a study or a series.

    Raises:
      UserError: it is none, or it holds a password.
    """
    _check_service("input", url)
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise UserError("input", found=url, expected=_EXAMPLE, remedy="take the UID of the study")
    return Address(found["service"], found["study"], found["series"])


def fetch(address: Address, folder: Path, *, ours: bool = False, progress: bool = True) -> Path:
    """Fetches the objects of a study or a series; those that are there already are not asked for.

    Args:
      address: of `parse_address`.
      folder: gets SERIES/OBJECT.dcm; made if it is not there.
      ours: also what was made here and stored, whose labels are no marks to label from.
      progress: tell on standard error how far it has come.

    Returns:
      The folder of the series, or of the study where no series was named.

    Raises:
      UserError: the service cannot be reached, refuses, has no such study, is no DICOMweb service,
        or a file cannot be written.
    """
    client = _client(address.service, "input")
    url = f"{address.service}/studies/{address.study}"
    found = _instances(client, address, url)
    if not ours:
        made = series_made_of({series for series, _ in found})
        found = [one for one in found if one[0] not in made]
    if not found:
        raise UserError(
            "input",
            found=f"nothing at {url}" + (f"/series/{address.series}" if address.series else ""),
            expected="a study that the service has",
            remedy="check the UID",
        )
    for series, instance in followed(
        found, "fetch", total=len(found), unit="object", show=progress
    ):
        path = make_folder(folder / series, field="output") / f"{instance}.dcm"
        if path.is_file():
            continue
        with _telling(url, "input"):
            dataset = client.retrieve_instance(
                address.study, series, instance, media_types=(("application/dicom", "*"),)
            )
            data = io.BytesIO()
            dataset.save_as(data, enforce_file_format=True)
        write_whole(path, data.getvalue())
    return folder / address.series if address.series else folder


def store(service: str, files: Sequence[Path], *, progress: bool = True) -> int:
    """Stores objects, and makes sure that the service has them as they are.

    An archive may keep what it has of a UID and say that all is well: what it has then is compared.

    Args:
      service: URL of the DICOMweb service.
      files: of objects.
      progress: tell on standard error how far it has come.

    Returns:
      How many were stored.

    Raises:
      UserError: the service cannot be reached, refuses, is no DICOMweb service, or kept another
        object of that UID.
    """
    _check_service("store", service)
    client = _client(service, "store")
    for path in followed(files, "store", total=len(files), unit="object", show=progress):
        dataset = read_dataset(path)
        with _telling(service, "store"):
            answer = client.store_instances([dataset])
            refused = [item.get("FailureReason") for item in answer.get("FailedSOPSequence") or ()]
            kept = client.retrieve_instance_metadata(
                dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
            )
        if refused:
            raise UserError(
                path,
                found=f"that {service} did not store it (reason {refused[0]})",
                expected="an archive that takes it",
                remedy="ask those who run it",
            )
        _check_kept(path, service, dataset, kept)
    return len(files)


def _check_kept(path: Path, service: str, stored: Any, kept: Mapping[str, Any]) -> None:
    """Objects of one UID differ in the time that they were made at."""
    when = str(stored.get("InstanceCreationTime", ""))
    found = str((kept.get("00080013", {}).get("Value") or [""])[0])
    if found.rstrip("0").rstrip(".") != when.rstrip("0").rstrip("."):
        raise UserError(
            path,
            found=f"that {service} kept what it had of this UID",
            expected="an archive that overwrites",
            remedy="delete the object there, or let it overwrite (Orthanc: OverwriteInstances)",
        )


def _instances(client: Any, address: Address, url: str) -> list[tuple[str, str]]:
    """(series, object) UIDs; services may answer in parts."""
    found: dict[tuple[str, str], None] = {}
    while True:
        with _telling(url, "input"):
            part = client.search_for_instances(
                address.study, address.series, offset=len(found) or None
            )
            uids = [(_uid(item, "0020000E"), _uid(item, "00080018")) for item in part]
        new = [uid for uid in uids if uid not in found]
        if not new:
            return list(found)
        found |= dict.fromkeys(new)


def _uid(item: Mapping[str, Any], tag: str) -> str:
    """A UID of an answer, which becomes the name of a file."""
    text = str(item[tag]["Value"][0])
    if not _UID.fullmatch(text):
        raise ValueError(f"{text!r} is no UID")
    return text


def _check_service(field: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise UserError(
            field,
            found="a URL that holds a user's name or password",
            expected="one without, as it is printed and kept by shells",
            remedy=f"set {TOKEN}, or {USER} and {PASSWORD}",
        )
    if not is_address(url) or not parts.hostname:
        raise UserError(
            field, found=url, expected="a URL of DICOMweb", remedy="begin with https://"
        )
    secret = any(os.environ.get(name) for name in (TOKEN, USER, PASSWORD))
    if secret and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise UserError(
            field,
            found="http and credentials",
            expected="https",
            remedy=f"take https://, or unset {TOKEN}, {USER} and {PASSWORD}",
        )


def _client(service: str, field: str) -> Any:
    web = import_extra("dicomweb_client.web", field, "DICOMweb", extra="pacs")
    requests = import_extra("requests", field, "DICOMweb", extra="pacs")
    session = requests.Session()
    session.auth = _with_credentials  # and not from ~/.netrc
    client = web.DICOMwebClient(service, session=session, timeout=_TIMEOUT)
    client.set_http_retry_params(retry=False)  # the same command goes on where it stopped
    return client


def _with_credentials(request: Any) -> Any:
    from requests.auth import HTTPBasicAuth

    if token := os.environ.get(TOKEN):
        request.headers["Authorization"] = f"Bearer {token}"
        return request
    if user := os.environ.get(USER):
        return HTTPBasicAuth(user, os.environ.get(PASSWORD, ""))(request)
    return request


@contextlib.contextmanager
def _telling(url: str, field: str) -> Iterator[None]:
    """What may go wrong between two machines becomes one line."""
    from pydicom.errors import InvalidDicomError
    from requests import exceptions

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd values in others' objects
            yield
    except exceptions.HTTPError as error:
        status = 0 if error.response is None else error.response.status_code
        raise _refused(url, field, status) from error
    except (exceptions.ConnectionError, exceptions.Timeout) as error:
        raise UserError(
            field,
            found=f"no answer from {url} ({_reason(error)})",
            expected="a DICOMweb service",
            remedy="check the address and whether it runs; the same command goes on",
        ) from error
    # An answer of another kind: no HTTP, no JSON, JSON without what is looked for, no DICOM.
    except (
        exceptions.RequestException,
        InvalidDicomError,
        AttributeError,
        EOFError,
        LookupError,
        NotImplementedError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise UserError(
            field,
            found=f"no answer of DICOMweb from {url} ({one_line(error, limit=80)})",
            expected="the address of a DICOMweb service",
            remedy="check its path; often it ends with /dicom-web or /dicomweb",
        ) from error


def _refused(url: str, field: str, status: int) -> UserError:
    if status in (401, 403):
        return UserError(
            field,
            found=f"that {url} does not let us in ({status})",
            expected="credentials that it knows",
            remedy=f"set {TOKEN}, or {USER} and {PASSWORD}",
        )
    if status == 404:
        return UserError(
            field,
            found=f"nothing at {url} (404)",
            expected="a study of a DICOMweb service",
            remedy="check the path and the UID",
        )
    return UserError(
        field,
        found=f"that {url} failed ({status})",
        expected="an answer",
        remedy="see its log; the same command goes on",
    )


def _reason(error: Exception) -> str:
    """The end of a chain of errors that says what happened, without what was sent."""
    text = str(error)
    for known in ("Connection refused", "Name or service not known", "timed out", "certificate"):
        if known.lower() in text.lower():
            return known.lower()
    return type(error).__name__
