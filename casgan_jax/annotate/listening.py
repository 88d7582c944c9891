"""Where the server listens, and whether what it says is encrypted there.

    listening = Listening(host="reader-7", certificate=Path("a.pem"), private_key=Path("a.key"))
    listening.check()

On the loopback address nobody listens in. On any other one lesions, and the token that lets in,
would be read by whoever is on the way: that needs TLS, or a word that it is known.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
import ssl
from pathlib import Path

from casgan_jax.errors import UserError, one_line

LOOPBACK = "127.0.0.1"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listening:
    """An address, and how it is spoken to.

    Attributes:
      host: name or address that browsers type; the server listens there and answers to it alone.
      port: 0: any that is free.
      certificate, private_key: PEM files, for TLS; None: there is no TLS.
      insecure_network: that lesions may pass a network without TLS.
    """

    host: str = LOOPBACK
    port: int = 0
    certificate: Path | None = None
    private_key: Path | None = None
    insecure_network: bool = False

    @property
    def scheme(self) -> str:
        """https with a certificate, else http."""
        return "https" if self.certificate else "http"

    @property
    def is_loopback(self) -> bool:
        """Whether only this computer reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def names(self) -> tuple[str, ...]:
        """What browsers may call it."""
        return (self.host, "localhost") if self.is_loopback else (self.host,)

    def check(self) -> None:
        """Makes sure that nobody else can read what is sent.

        Raises:
          UserError: an address of a network without TLS, one that stands for all addresses, or a
            certificate that cannot be used.
        """
        if self.host in ("", "0.0.0.0", "::"):
            raise UserError(
                "host",
                found=f"{self.host!r}, which stands for every address",
                expected="one of them",
                remedy="give the name or the address that browsers will type",
            )
        if bool(self.certificate) != bool(self.private_key):
            lacking = "private_key" if self.certificate else "certificate"
            raise UserError(
                lacking,
                found="none",
                expected="both files of TLS, or neither",
                remedy=f"give `{lacking}`",
            )
        if not (self.is_loopback or self.certificate or self.insecure_network):
            raise UserError(
                "host",
                found=f"{self.host!r} without TLS: others on the network could read the lesions",
                expected=f"{LOOPBACK}, or TLS",
                remedy="give `certificate` and `private_key`; or forward a port by ssh; or say "
                "`insecure_network`",
            )
        if self.certificate and self.private_key:
            self._check_certificate(self.certificate, self.private_key)

    def open(self) -> socket.socket:
        """A socket that listens.

        Raises:
          UserError: the port is taken, or the address is none of this computer.
        """
        try:
            ((family, _, _, _, address), *_) = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM
            )
        except OSError as error:
            raise self._no_address(error) from error
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
            listening.listen(128)
        except OSError as error:
            listening.close()
            if self.port == 0:
                raise self._no_address(error) from error
            raise UserError(
                "port",
                found=f"{self.port}, which cannot be had ({one_line(error)})",
                expected="a free one",
                remedy="give another",
            ) from error
        return listening

    def _no_address(self, error: OSError) -> UserError:
        return UserError(
            "host",
            found=f"{self.host!r} ({one_line(error)})",
            expected="a name or an address of this computer",
            remedy="correct it",
        )

    @staticmethod
    def _check_certificate(certificate: Path, private_key: Path) -> None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key)
        except (OSError, ssl.SSLError) as error:
            raise UserError(
                "certificate",
                found=f"{certificate} and {private_key} ({one_line(error)})",
                expected="a certificate and its private key, PEM files without a password",
                remedy="check both files",
            ) from error
