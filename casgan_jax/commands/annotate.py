"""Opens the browser to draw axes on lesions, see their soft masks, correct and accept them.

    casgan annotate --input=studies --output=labels
    casgan annotate --input=lesions.csv --output=labels --reader=anna
    casgan annotate --input=lesions.csv --output=labels --reader=anna --export
    casgan annotate --input=lesions.csv --output=labels --agreement
    casgan annotate --input=lesions.csv --output=labels --consensus
    casgan annotate --input=studies --output=labels --workdir=runs/marked
    casgan annotate --input=studies --output=labels --host=reader-7 --certificate=a.pem \\
        --private_key=a.key

The input is a folder of DICOM series, NIfTI, MetaImage, NRRD, TIFF, PNG, PGM or NPY files, one such
file, or a table of lesions (docs/labelling.md has its columns). What reports, presentation states
and segmentations of a folder measure and mark is in the work list. Everything that a reader does is
kept at once in OUTPUT/annotations.sqlite; the same command goes on where it was left. The export,
by the page's button or by --export without a browser, writes the accepted lesions to OUTPUT/READER
as the command label does: soft masks, trimaps, labels.csv, review.html; and of whole lesions, which
the page makes of their slices, volumes.csv, volumes.html and soft volumes.

A trained network proposes soft masks beside the matted ones: the one that comes with the package,
or that of --workdir. On CT its soft mask of new axes comes first, where it is sure; --first says
otherwise. --consensus writes the soft masks of lesions that two readers at least accepted, of those
who have decided on every one.

The server listens on this computer only, unless --host says otherwise, and answers to the browser
that opens its address.
Ctrl-C ends it. It needs the extra annotate.
"""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from casgan_jax.commands.entry import keep_compilations, run_main
from casgan_jax.commands.label_volumes import tell_volumes
from casgan_jax.commands.path_flag import define_multi_path, define_path
from casgan_jax.errors import UserError, counted, install
from casgan_jax.pretrained import NAME

if TYPE_CHECKING:  # imported where they are used, so that --help needs no JAX
    from casgan_jax.annotate.listening import Listening
    from casgan_jax.annotate.network import Network
    from casgan_jax.annotate.workplace import Workplace
    from casgan_jax.labelling.batch import Batch, BatchOptions

_INPUT = define_path("input", None, "Folder, image, or table of lesions.")
_OUTPUT = define_path("output", None, "Folder for the work and its exports; made if need be.")
_READER = flags.DEFINE_string("reader", "reader", "Who annotates; each has work of their own.")
_ALLOW = define_multi_path(
    "allow", [], "Folder that a table's images may lie in, beside the table's; may be repeated."
)
_EXPORT = flags.DEFINE_bool("export", False, "Write the accepted lesions, open nothing.")
_AGREEMENT = flags.DEFINE_bool(
    "agreement", False, "Write OUTPUT/agreement.csv of all readers' accepted lesions, open nothing."
)
_CONSENSUS = flags.DEFINE_bool(
    "consensus", False, "Write OUTPUT/consensus of all readers who have finished, open nothing."
)
_WORKDIR = define_path(
    "workdir",
    NAME,
    "Folder of a training, whose network proposes soft masks; by default "
    "the one that comes with the package.",
)
_FIRST = flags.DEFINE_enum(
    "first",
    "auto",
    ["auto", "network", "matting"],
    "Whose soft mask of new axes comes first; auto: the network's on CT, where it is sure.",
)
_FORMAT = flags.DEFINE_list(
    "format", ["png"], "Of exported soft masks, one or more: see `casgan label --help`."
)
_PORT = flags.DEFINE_integer("port", 0, "To listen on; 0: any free one.", lower_bound=0)
_HOST = flags.DEFINE_string(
    "host", "127.0.0.1", "Name or address to listen on, as browsers type it."
)
_CERTIFICATE = define_path("certificate", None, "PEM file of TLS, for --host of a network.")
_PRIVATE_KEY = define_path("private_key", None, "PEM file of its key.")
_INSECURE = flags.DEFINE_bool(
    "insecure_network", False, "Lesions may pass a network without TLS, for all on it to read."
)
_OPEN = flags.DEFINE_bool("open", True, "Open the browser; otherwise print the address only.")


def run() -> None:
    """The command."""
    run_main(main)


def main(_: list[str]) -> int:
    for flag, expected in ((_INPUT, "a folder, an image or a table"), (_OUTPUT, "a folder")):
        if not flag.value:
            raise UserError(flag.name, found="none", expected=expected, remedy="see `help`")
    keep_compilations()
    from casgan_jax.annotate.sources import find_sources
    from casgan_jax.annotate.store import open_store
    from casgan_jax.annotate.workplace import Workplace
    from casgan_jax.annotations.table import check_key
    from casgan_jax.labelling.batch import BatchOptions

    reader, output = check_key(_READER.value), Path(_OUTPUT.value or "")
    options = BatchOptions(formats=tuple(_FORMAT.value))
    if not (_EXPORT.value or _AGREEMENT.value or _CONSENSUS.value):
        _listening().check()
    sources = find_sources(Path(_INPUT.value or ""), [Path(one) for one in _ALLOW.value])
    with open_store(output) as store:
        if _AGREEMENT.value:
            places = [Workplace(sources, store, reader=name) for name in store.readers()]
            return _agree(places, output)
        if _CONSENSUS.value:
            places = [Workplace(sources, store, reader=name) for name in store.readers()]
            return _export_consensus(places, output / "consensus", options)
        if _EXPORT.value:
            place = Workplace(sources, store, reader=reader)
            _tell_failures(place)
            return _export(place, output / reader, options)
        place = Workplace(sources, store, reader=reader, network=_network(), first=_FIRST.value)
        _tell_failures(place)
        _serve(place, output / reader, options)
    return 0


def _tell_failures(place: Workplace) -> None:
    for line in place.failures:
        print(f"error: {line}", file=sys.stderr)


def _network() -> Network:
    from casgan_jax.annotate.network import Network

    return Network(_WORKDIR.value or NAME)


def _export_consensus(places: list[Workplace], folder: Path, options: BatchOptions) -> int:
    from casgan_jax.annotate.consensus import export_consensus

    batch = export_consensus(places, folder, options, workers=None)
    return _told(batch, "lesion", of="consensus of ")


def _export(place: Workplace, folder: Path, options: BatchOptions) -> int:
    from casgan_jax.annotate.export import export

    exported = export(place, folder, options, workers=None)
    status = _told(exported.labels, "accepted lesion")
    return status if exported.volumes is None else max(status, tell_volumes(exported.volumes))


def _told(batch: Batch, unit: str, of: str = "") -> int:
    failed = [row for row in batch.rows if row["status"] == "failed"]
    for row in failed:
        print(f"error: {row['key']}: {row['reason']}", file=sys.stderr)
    count = len(batch.rows) - len(failed)
    print(f"{of}{counted(count, unit)} written\ntable:  {batch.table}")
    return 1 if failed else 0


def _agree(places: list[Workplace], output: Path) -> int:
    from casgan_jax.annotate.agreement import agreement, write_agreement

    rows = agreement(places)
    if not rows:
        raise UserError(
            "agreement",
            found=f"{counted(len(places), 'reader')} and no lesion that two of them accepted",
            expected="one at least",
        )
    mean = sum(row["dice"] for row in rows) / len(rows)
    print(f"{counted(len(rows), 'pair')} of readers on a lesion, mean Dice {mean:.3f}")
    print(f"table:  {write_agreement(output, rows)}")
    return 0


def _listening() -> Listening:
    from casgan_jax.annotate.listening import Listening

    def path(flag: flags.FlagHolder[Any]) -> Path | None:
        return Path(flag.value) if flag.value else None

    return Listening(
        host=_HOST.value,
        port=_PORT.value,
        certificate=path(_CERTIFICATE),
        private_key=path(_PRIVATE_KEY),
        insecure_network=_INSECURE.value,
    )


def _serve(place: Workplace, folder: Path, options: BatchOptions) -> None:
    try:
        from casgan_jax.annotate.run import serve
    except ModuleNotFoundError as error:
        raise UserError(
            "annotate",
            found=f"no {error.name}",
            expected="the extra annotate",
            remedy=install("annotate"),
        ) from error

    def opened(address: str) -> None:
        print(
            f"annotate: {address}\n{counted(len(place.items), 'lesion')}; Ctrl-C ends", flush=True
        )
        if _OPEN.value and not webbrowser.open(address):
            print("note: found no browser; open the address in one", file=sys.stderr)

    serve(place, folder, options, listening=_listening(), opened=opened)
    print("annotate: ended; the same command goes on", flush=True)
