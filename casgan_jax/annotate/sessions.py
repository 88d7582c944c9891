"""The browsers that were let in, and how much each may ask.

sessions = Sessions(rate=200, burst=400)
name = sessions.open()
sessions.find(name), sessions.allows(name)
"""

from __future__ import annotations

import dataclasses
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

RATE, BURST = 200.0, 400.0  # requests a second, and at once; scrolling asks for about 50 a second
_MOST = 64  # sessions that are known at a time


@dataclasses.dataclass
class _Session:
    left: float  # requests that may come at once
    seen: float  # when that was so


class Sessions:
    """Random names that become cookies; safe to use from several threads.

    Args:
      rate: requests a second that a session may send for long.
      burst: that it may send at once.
      clock: seconds that only grow.
    """

    def __init__(
        self,
        *,
        rate: float = RATE,
        burst: float = BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._lock = threading.Lock()

    def open(self) -> str:
        """The name of another session; the one that was silent the longest is forgotten."""
        name = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[name] = _Session(self._burst, self._clock())
            if len(self._sessions) > _MOST:
                self._sessions.popitem(last=False)
        return name

    def knows(self, name: str) -> bool:
        """Whether there is a session of that name."""
        with self._lock:
            return name in self._sessions

    def allows(self, name: str) -> bool:
        """Whether a session may send a request now, which is counted if so."""
        with self._lock:
            session, now = self._sessions[name], self._clock()
            self._sessions.move_to_end(name)
            left = session.left + self._rate * (now - session.seen)
            session.left, session.seen = min(self._burst, left), now
            if session.left < 1:
                return False
            session.left -= 1
            return True
