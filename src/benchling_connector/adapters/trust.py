"""Whom TLS trusts: the public authorities, and those of `ca_bundle` besides."""

import functools
import os
import ssl
import sys
import tempfile
from pathlib import Path

from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration

__all__ = ["bundle_file", "client_context", "read_bundle"]


def read_bundle(ca_bundle: Path) -> bytes:
    """The certificates in the file, as PEM. Raises `InvalidConfiguration` if there are none."""
    path = ca_bundle.expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        problem = f"the file {path} cannot be read ({error.strerror or 'refused'})."
        raise _wrong(problem, "Check its path and permissions.") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=content.decode("ascii", "ignore"))
        found = context.cert_store_stats()["x509"]
    except (ssl.SSLError, ValueError):
        found = 0
    if not found:
        problem = f"the file {path} holds no certificate that can be read."
        raise _wrong(
            problem,
            "Give certificates as PEM, from -----BEGIN CERTIFICATE----- on. A binary one becomes "
            "PEM with: openssl x509 -inform der -in FILE.",
        )
    return content


def client_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """What a client verifies with: the system's trust store, and the bundle besides.

    Raises `InvalidConfiguration` when the bundle cannot be used.
    """
    context = ssl.create_default_context()
    if ca_bundle is not None:
        context.load_verify_locations(cadata=read_bundle(ca_bundle).decode("ascii", "ignore"))
    return context


@functools.cache
def bundle_file(content: bytes) -> str:
    """The path of a file with this content, for libraries that take nothing else.

    It lasts as long as the process; the same content has the same file.
    """
    if sys.platform == "linux":  # in memory: a read-only container has no place for files
        descriptor = os.memfd_create("ca-bundle")
        path = f"/proc/self/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp(prefix="ca-bundle-", suffix=".pem")
    with os.fdopen(descriptor, "wb", closefd=sys.platform != "linux") as file:
        file.write(content)
    return path


def _wrong(problem: str, remedy: str) -> InvalidConfiguration:
    return InvalidConfiguration([FieldProblem("ca_bundle", problem, remedy)])
