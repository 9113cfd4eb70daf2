"""Who may ask: the token, the host they think they talk to, and the page they come from."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request

from feroi.files import display_name

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

_BEARER = HTTPBearer(auto_error=False, description="the token the server was started with")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")  # what RFC 6750 lets stand in a header


class Access(NamedTuple):
    """token: asked of every request that reads a photo; None asks for none.
    hosts: names in the header Host that are answered, against pages that point their own name here (DNS
        rebinding); "*" is any.
    """

    token: str | None = None
    hosts: tuple[str, ...] = LOOPBACK


def access_at(host: str, token: str | None) -> Access:
    """Who may ask a server bound to `host`. Raises ValueError if it is not loopback and has no token."""
    if token is not None and not _TOKEN.fullmatch(token):
        raise ValueError(f"the token is 16 or more letters, digits and ._~+/-; {_MAKE_ONE}")
    if _is_loopback(host):
        return Access(token, tuple({*LOOPBACK, f"[{host}]" if ":" in host else host}))
    if token is None:
        raise ValueError(
            f"{host} can be reached from elsewhere, so a token is needed in FEROI_TOKEN; {_MAKE_ONE}"
        )
    return Access(token, ("*",))


_MAKE_ONE = "one is made by: python -c 'import secrets; print(secrets.token_urlsafe())'"


def token_check(token: str) -> Callable[..., None]:
    """A dependency that raises HTTPException 401 for requests without `token`."""
    expected = token.encode()

    def check(given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> None:
        # compared in a time that does not tell how much of it is right
        if given is None or not hmac.compare_digest(given.credentials.encode(), expected):
            raise HTTPException(
                401, "this needs the header Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"}
            )

    return check


def check_origin(request: Request) -> None:
    """Raises HTTPException 403 for requests that pages of other sites make in somebody's browser."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "pages of other sites are not answered")


def query_check(model: str) -> Callable[..., None]:
    """A dependency that raises HTTPException 422 for parameters in the address other than `model`, or another
    model than this server's: nothing that was asked for is passed over in silence."""

    def check(request: Request) -> None:
        for name, value in request.query_params.multi_items():
            if name != "model":
                raise HTTPException(
                    422, f"unknown parameter {display_name(name)[:100]!r}; there is model alone"
                )
            if value != model:
                raise HTTPException(
                    422,
                    f"this server reads with the model {model!r}, not {display_name(value)[:100]!r}; "
                    f"leave it out, or ask a server started with: feroi serve --model",
                )

    return check


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may be anywhere
        return False
