"""Where real images for tests lie; tests that need them are skipped where they are absent."""

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("CASGAN_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


def shared_data(*parts: str) -> Path:
    """The path of a real file; skips the calling test, with the reason, where it is absent."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data absent: {'/'.join(parts)} is not under $CASGAN_SHARED_DATA")
    return path
