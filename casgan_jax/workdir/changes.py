"""Whether the run of a workdir goes on as it began: changes are named, refused or accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from casgan_jax.configs.schema.json_form import to_dict, to_json
from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.errors import UserError
from casgan_jax.files import write_whole
from casgan_jax.workdir.config import differences, read_config
from casgan_jax.workdir.layout import CHECKPOINTS, config_file, result_file
from casgan_jax.workdir.processes import barrier, is_first

# Fields that say what the saved arrays are: another value is another network or other data.
_FIXED = ("name", "sr", "prior", "data.patch", "data.scale", "data.window", "data.neighbours")


_FOLLOWING = ("srgan.data.dir", "srgan.dtype")  # the cascade's own, `resolve` repeats them


def keep_config(config: StageConfig, workdir: Path, *, accept_changes: bool = False) -> list[str]:
    """Writes the resolved config into the workdir, or checks that it is the one already there.

    Args:
      config: resolved.
      workdir: exists.
      accept_changes: go on with changed fields, if the saved arrays can still be used.

    Returns:
      A line for each changed field that was accepted.

    Raises:
      UserError: the workdir holds a run of another config.
    """
    path = config_file(workdir)
    changes: dict[str, tuple[Any, Any]] = {}
    if path.is_file() and any(workdir.glob(f"*/{CHECKPOINTS}/*")):
        changes = differences(to_dict(read_config(workdir)), to_dict(config))
    lines = [f"{name}: {old!r}, now {new!r}" for name, (old, new) in changes.items()]
    fixed = [line for name, line in zip(changes, lines, strict=True) if _is_fixed(name)]
    if fixed:
        raise UserError(
            "workdir",
            found=(
                f"a run of another architecture or other data in {workdir} ({'; '.join(fixed)})"
            ),
            expected="the same",
            remedy="choose another `workdir`",
        )
    if changes and not accept_changes:
        raise UserError(
            "workdir",
            found=f"a run with another config in {workdir} ({'; '.join(lines)})",
            expected="the same",
            remedy=(
                "choose another `workdir`, or go on with the changed fields by "
                "`accept_config_changes`"
            ),
        )
    barrier("config checked")
    if is_first():
        write_whole(path, to_json(config).encode())
        if changes:
            # A finished stage goes on, too: by more steps, for instance.
            result_file(workdir, config.name).unlink(missing_ok=True)
    barrier("config kept")
    return lines


def _is_fixed(field: str) -> bool:
    if field in _FOLLOWING:
        return False
    return field in _FIXED or field.startswith(("model.", "srgan.", "prior_config."))
