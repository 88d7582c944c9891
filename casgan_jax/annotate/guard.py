"""Who may talk to the server: the browser that opened the printed address, and nobody else.

| against | by |
|---|---|
| other people of this computer | a random token in the address, a random name in a cookie |
| scripts of other sites | SameSite=Strict, Origin and Sec-Fetch-Site, no CORS |
| names that lead here (DNS rebinding) | Host must be the loopback address |
| text of files that is HTML | a policy without inline script; the page uses no innerHTML |
| a page around this one | frame-ancestors 'none' |
| bodies without end | a limit, counted while they come in |
| requests without end | so many a second of a session (`casgan_jax.annotate.sessions`) |
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from casgan_jax.annotate.sessions import Sessions

MOST_BYTES = 256 * 1024  # of a request's body; a stroke of 2,000 points has 60 KB
_LONGEST_ADDRESS = 4096  # bytes
_TOO_LARGE = "the body is too large"
_READING = ("GET", "HEAD")
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware around the application.

    Args:
      app: what is guarded.
      token: that the first address carries.
      hosts: what `Host` may be, with the port, such as "127.0.0.1:8765".
      scheme: "https" where the server speaks TLS.
      sessions: of the browsers that were let in.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        hosts: Iterable[str],
        scheme: str = "http",
        sessions: Sessions | None = None,
    ) -> None:
        self._app, self._token, self._hosts = app, token, frozenset(hosts)
        self._scheme, self._sessions = scheme, sessions or Sessions()
        # Cookies do not tell ports apart: two servers must not overwrite each other's.
        port = min(self._hosts).rpartition(":")[2]
        self._cookie = f"casgan_annotate_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # a websocket is not answered, which the server tells as 403
        response = self._refusal(scope)
        if response is not None:
            await response(scope, receive, _with_headers(send))
            return
        await self._app(scope, _limited(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to who may not come in, or comes in for the first time; None: go on."""
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self._hosts:
            return _refused(421, "this server answers to its own address only")
        if len(scope.get("raw_path", b"")) + len(scope["query_string"]) > _LONGEST_ADDRESS:
            return _refused(414, "the address is too long")
        origin = headers.get("origin")
        own = {f"{self._scheme}://{host}" for host in self._hosts}
        if origin is not None and origin not in own:
            return _refused(403, "another site asked")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _refused(403, "another site asked")
        if scope["method"] not in _READING and origin is None:
            return _refused(403, "no page of this server asked")
        entering = self._entering(scope)
        if entering is not None:
            return entering
        given = cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        if not self._sessions.knows(given):
            return _refused(403, "open the address that the command printed")
        if not self._sessions.allows(given):
            return _refused(429, "too many requests a second; wait a moment", {"Retry-After": "1"})
        if _whole(headers.get("content-length", "0")) > MOST_BYTES:
            return _refused(413, _TOO_LARGE)
        return None

    def _entering(self, scope: Scope) -> Response | None:
        """A token in the address opens a session, whose name becomes a cookie, and is left out."""
        name, _, token = scope["query_string"].partition(b"=")
        if scope["path"] != "/" or name != b"token" or scope["method"] != "GET":
            return None
        if not secrets.compare_digest(token, self._token.encode()):
            return _refused(403, "open the address that the command printed")
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(
            self._cookie,
            self._sessions.open(),
            httponly=True,
            samesite="strict",
            path="/",
            secure=self._scheme == "https",
        )
        return response


def _refused(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"refused: {text}\n", status_code=status, headers=headers)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else MOST_BYTES + 1


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            raw: list[Any] = [
                (name, value)
                for name, value in message.get("headers", [])
                if name.lower() not in (b"server",)
            ]
            raw += [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
            message = {**message, "headers": raw}
        await send(message)

    return sending


def _limited(receive: Receive) -> Receive:
    """Counts what comes in; a length that was announced may be a lie."""
    total = 0

    async def receiving() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > MOST_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return receiving
