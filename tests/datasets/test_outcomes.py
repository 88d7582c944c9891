"""What is told of a build's tasks, whatever the machine's language is."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_WRITE = """
import sys
from pathlib import Path
from datasets.outcomes import Outcome, Outcomes
outcomes = Outcomes()
outcomes.add(Outcome("train", "Zo\\u00eb", None, "bad line", "\\u0663", {}))
outcomes.write_skipped(Path(sys.argv[1]))
"""


def test_skips_are_utf_8_in_every_locale(tmp_path):
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run(
        [sys.executable, "-c", _WRITE, tmp_path / "skipped.csv"],
        cwd=ROOT,
        env={**os.environ, **plain, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    lines = (tmp_path / "skipped.csv").read_text(encoding="utf-8").splitlines()
    assert lines == ["split,key,reason,detail", "train,Zoë,bad line,٣"]
