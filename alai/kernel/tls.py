"""Certificates of outside services, as httpx checks them: reading the authorities takes longer than most calls."""

import ssl
from functools import cache

import httpx


@cache
def context() -> ssl.SSLContext:
    """Shared by all clients of a process. Authorities are certifi's, or those of SSL_CERT_FILE and SSL_CERT_DIR."""
    return httpx.create_ssl_context()
