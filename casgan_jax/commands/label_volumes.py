"""What `casgan label --volume` tells of lesions labelled as volumes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from casgan_jax.commands.entry import with_flags
from casgan_jax.errors import counted

if TYPE_CHECKING:  # imported where it is used, so that --help needs no JAX
    from casgan_jax.labelling.volumes.batch import VolumeBatch


def tell_volumes(batch: VolumeBatch) -> int:
    """Prints what was done; returns the exit status."""
    from casgan_jax.commands.told import MOST, lesion_notes

    failed = [row for row in batch.rows if row["status"] == "failed"]
    labelled = [row for row in batch.rows if row["status"] == "labelled"]
    for row in failed[:MOST]:
        print(f"error: {row['key']}: {with_flags(row['reason'])}", file=sys.stderr)
    for line in lesion_notes(labelled)[:MOST]:
        print(line, file=sys.stderr)
    for row in labelled[:MOST]:
        print(_line(row))
    if len(labelled) > MOST:
        print(f"... and {len(labelled) - MOST} more")
    print(f"{counted(len(labelled), 'lesion')} labelled as volumes, {batch.kept} of them before")
    print(f"table:  {batch.table}\nreview: {batch.pages[0]}")
    if failed:
        count = f"{len(failed)} of {len(batch.rows)}"
        print(f"{count} failed, {batch.table} has the reasons", file=sys.stderr)
    return 1 if failed else 0


def _line(row: Mapping[str, Any]) -> str:
    """A lesion in one line."""
    told = (
        f"{row['key']}: {row['volume_mm3']:.4g} mm3 in slices {row['first_slice']} to "
        f"{row['last_slice']}, longest diameter {row['long_mm']:.3g} x {row['short_mm']:.3g} mm "
        f"in slice {row['long_slice']}"
    )
    if "given_slice" in row and row["given_slice"] != row["long_slice"]:
        told += f" (given {row['given_long_mm']:.3g} mm in slice {row['given_slice']})"
    return told
