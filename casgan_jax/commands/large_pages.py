"""Large pages for the memory of a training."""

from __future__ import annotations

import os
import sys

_TUNABLES = "GLIBC_TUNABLES"
_ASKS = "glibc.malloc.hugetlb=1"


def begin_with_large_pages() -> None:
    """Begins this program again with memory in large pages, where glibc on Linux can ask for them.

    XLA takes the memory of a step from the system and gives it back: 125 MB for `softgan:marked`,
    which in pages of 4 KB are 32,000 faults. In pages of 2 MB a step took 193 ms instead of 257 on
    one core of an AMD EPYC, and 132 instead of 160 on two. Many systems give them only to who asks
    ("madvise" in /sys/kernel/mm/transparent_hugepage/enabled), and glibc reads whether to ask when
    a program begins. Other C libraries do not read it, and older ones pass over it.

    Does nothing where the environment says already what glibc is to ask for.
    """
    tunables = os.environ.get(_TUNABLES, "")
    if sys.platform != "linux" or _ASKS.split("=")[0] in tunables:
        return
    os.environ[_TUNABLES] = ":".join(filter(None, (tunables, _ASKS)))
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
