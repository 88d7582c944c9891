"""A folder to annotate, and a workplace in it."""

import contextlib

from casgan_jax.annotate.sources import find_sources
from casgan_jax.annotate.store import open_store
from casgan_jax.annotate.workplace import Workplace
from tests.labelling import lesions

CENTRE, RADIUS = (90, 60), 8
AXES = [float(one) for one in lesions.axes(RADIUS, CENTRE)]
WINDOW = [0.0, 255.0]
MARK = {"slice": 0, "recist": AXES, "window": WINDOW}
STROKE = {"value": "background", "radius": 2.0, "points": [[96.0, 60.0], [98.0, 60.0]]}


def write_images(folder, count=2):
    """PNG files image-0.png ... of one bright disc each."""
    for index in range(count):
        name = f"image-{index}.png"
        lesions.write_image(folder / name, lesions.picture(RADIUS, CENTRE, seed=index))
    return folder


def write_table(folder):
    """A table of a lesion with axes, one with a mask, one whose image is not there."""
    write_images(folder)
    lesions.write_mask(folder / "mask.png", lesions.disc(RADIUS, CENTRE))
    rows = [
        f"a,image-0.png,{lesions.cell(AXES)},",
        "b,image-1.png,,mask.png",
        f"c,gone.png,{lesions.cell(AXES)},",
    ]
    (folder / "lesions.csv").write_text("\n".join(["key,image,recist,mask", *rows, ""]))
    return folder


@contextlib.contextmanager
def workplace(folder, output, reader="anna"):
    """A reader's place, with its store open."""
    with open_store(output) as store:
        yield Workplace(find_sources(folder, ()), store, reader=reader)
