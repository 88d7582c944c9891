"""Whether a config fits the data sets of the stages that it trains."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

import jax

from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.data import segmentation_planes, super_resolution_planes
from casgan_jax.errors import Step, UserError
from casgan_jax.files import expand_user
from casgan_jax.records.identity import patients
from casgan_jax.records.prepared import load_split
from casgan_jax.records.splits import SPLITS, check_disjoint
from casgan_jax.workdir.layout import CONFIG, config_file


def check_data(config: StageConfig) -> None:
    """Checks that the data sets of all stages that will be trained fit the config.

    Raises:
      UserError: `sr` is no workdir, no such data set or split, another kind or scale, images
        smaller than a patch, batches that do not divide by the devices or are larger than the
        training split, a damaged record, a patient in two splits, or one who is learnt from in the
        test set.
    """
    directories = [config.data.dir]
    _check_stage(config, config.data.dir, config.data.scale)
    if isinstance(config, SoftganConfig):
        _check_source_of_sr(config.sr)
        if config.sr == "train":
            directories.append(config.srgan.data.dir or config.data.dir)
            with _in_section("srgan."):
                _check_stage(config.srgan, directories[1], config.data.scale)
    for directory in dict.fromkeys(directories):
        _check_patients(directory)
    if isinstance(config, SoftganConfig) and config.data.test_dir:
        _check_test_set(config, directories)


def _check_source_of_sr(sr: str) -> None:
    source = config_file(expand_user(sr))
    if sr not in ("train", "none") and not os.path.isfile(source):
        raise UserError(
            "sr",
            found=f"{sr!r}, which is no folder with a {CONFIG}",
            expected="train, none or the workdir of a trained SRGAN or cascade",
            remedy="set `sr=train`",
        )


def _check_stage(config: StageConfig, directory: str, scale: int) -> None:
    data, batch_size = config.data, config.optim.batch_size
    if not os.path.isdir(expand_user(directory)):
        raise UserError(
            "data.dir",
            found=f"no folder {directory!r}",
            expected="a prepared data set",
            remedy="make one",
            step=Step("build", {"dataset": "phantom/quick", "data_dir": "data"}),
        )
    if isinstance(config, SoftganConfig):
        planes = segmentation_planes(
            directory,
            "train",
            label=config.data.label,
            patch=data.patch,
            scale=scale,
            axes=config.data.marks.axes > 0,
            neighbours=config.data.neighbours,
        )
    else:
        planes = super_resolution_planes(directory, "train", patch=data.patch, scale=scale)
    planes[0]  # the patch fits into a record
    devices = jax.device_count()
    if batch_size % devices:
        raise UserError(
            "optim.batch_size",
            found=f"{batch_size} for {devices} devices",
            expected=f"a multiple of {devices}",
            remedy=f"set `optim.batch_size={devices * (batch_size // devices + 1)}`",
        )
    if batch_size > len(planes):
        raise UserError(
            "optim.batch_size",
            found=f"{batch_size}",
            expected=f"at most the {len(planes)} records of the training split of {directory}",
            remedy="set a smaller `optim.batch_size`",
        )
    load_split(directory, "validation")  # there is one


def _check_patients(directory: str) -> None:
    """No patient is in two splits. Reads every record, so that a damaged one is told now."""
    check_disjoint(
        (split, patient) for split in SPLITS for patient in sorted(patients(directory, split))
    )


def _check_test_set(config: SoftganConfig, directories: list[str]) -> None:
    """The other data set that is measured in the end fits, and none of its patients is learnt from.

    Names of patients are compared: those of two data sets mean the same patient where they are
    equal.
    """
    directory = config.data.test_dir
    if not os.path.isdir(expand_user(directory)):
        raise UserError(
            "data.test_dir",
            found=f"no folder {directory!r}",
            expected="a prepared data set, or '' for that of data.dir",
            remedy="make one of those that are listed",
            step=Step("build", {"dataset": "help"}),
        )
    segmentation_planes(
        directory,
        "test",
        label="alpha",
        patch=config.data.patch,
        scale=config.data.scale,
        neighbours=config.data.neighbours,
    )[0]
    tested = patients(directory, "test")
    for source in dict.fromkeys(directories):
        for split in ("train", "validation"):
            shared = tested & patients(source, split)
            if shared:
                raise UserError(
                    "data.test_dir",
                    found=(
                        f"patients of its test split in the split {split!r} of {source}: "
                        f"{len(shared)} ({min(shared)}, ...)"
                    ),
                    expected="none",
                    remedy="choose a data set of other patients",
                )


@contextlib.contextmanager
def _in_section(section: str) -> Iterator[None]:
    """Puts the section before the field that an error's line begins with."""
    try:
        yield
    except UserError as error:
        if re.fullmatch(r"(data|optim)\.\w+", error.what):
            error.what = section + error.what
        raise
