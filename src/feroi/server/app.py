"""The application: paths, their documentation, what goes wrong, and who may ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

import feroi
from feroi.photo.decode import NotAPicture, TooManyPixels, UnreadableImage
from feroi.reader import Reader
from feroi.server.access import Access, check_origin, query_check, token_check
from feroi.server.answers import Problem
from feroi.server.body import FORM, JSON, PHOTO, PHOTOS
from feroi.server.endpoints import Endpoints, PngResponse
from feroi.server.limits import Limits
from feroi.server.queue import Full, Gone, Late, ReadingQueue

_RETRY_SECONDS = "2"  # a photo or two later
_PICTURE_TYPES = (
    *("image/jpeg", "image/png", "image/webp", "image/avif", "image/gif", "image/tiff", "image/bmp"),
    *("image/heic", "image/heif", "application/octet-stream"),
)
_ABOUT = """
Facial expressions from photos, with a map of where on the face the network looked. Photos are kept in memory
while they are read and neither stored nor logged. A photo has at most {photo_bytes:,} bytes and {pixels:,}
pixels; a batch at most {batch_photos} photos and {batch_bytes:,} bytes.
"""


def create_app(
    reader: Reader, limits: Limits | None = None, page: Path | None = None, access: Access | None = None
) -> FastAPI:
    """The server as an ASGI application, which reads with `reader`.

    limits: what requests may cost; those of `Limits` if None.
    page: a folder of static files to serve at "/".
    access: who may ask; programs of this machine if None.
    """
    limits, access = limits or Limits(), access or Access()
    queue = ReadingQueue(reader, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        queue.close()

    app = FastAPIOffline(
        redoc_url=None,
        static_url="/docs-assets",
        title="feroi",
        version=feroi.__version__,
        description=_ABOUT.format(**vars(limits)),
        lifespan=lifespan,
    )
    _add_paths(app, Endpoints(queue), access)
    for route in app.routes:  # GET alone of FastAPI's own pages
        if isinstance(route, Route) and route.methods == {"GET"} and not route.include_in_schema:
            route.methods.add("HEAD")
    for kind in (Full, Late, Gone, ClientDisconnect, UnreadableImage):
        app.add_exception_handler(kind, _explain)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*access.hosts], www_redirect=False)
    if page is not None:
        app.mount("/", StaticFiles(directory=page, html=True), name="page")
    return app


def _add_paths(app: FastAPI, endpoints: Endpoints, access: Access) -> None:
    asked = Depends(query_check(endpoints.model))
    checks = [Depends(check_origin), asked]
    if access.token is not None:
        checks.append(Depends(token_check(access.token)))
    photo = _photo_schema()
    problems = _problems(asks_token=access.token is not None)
    routes: tuple[tuple[str, str, Any, dict[str, Any], dict[str, Any]], ...] = (
        ("read", "A photo to readings", endpoints.read, photo, {}),
        ("overlay", "A photo to a picture", endpoints.overlay, photo, {"response_class": PngResponse}),
        ("report", "A photo to a page", endpoints.report, photo, {"response_class": HTMLResponse}),
        ("batch", "Many photos to readings", endpoints.batch, _batch_schema(), {}),
    )
    for name, summary, endpoint, content, options in routes:
        app.add_api_route(
            f"/v1/{name}",
            endpoint,
            methods=["POST"],
            dependencies=checks,
            responses=problems,
            openapi_extra={
                "requestBody": {"required": True, "content": content},
                "parameters": [_model_parameter(endpoints.model)],
            },
            operation_id=name,
            summary=summary,
            tags=["photos"],
            **options,
        )
    app.add_api_route(
        "/v1/health",
        endpoints.health,
        methods=["GET"],
        dependencies=[asked],
        responses={422: problems[422]},
        openapi_extra={"parameters": [_model_parameter(endpoints.model)]},
        operation_id="health",
        summary="How busy the server is",
        tags=["server"],
    )
    app.add_api_route(
        "/v1/health", endpoints.health, methods=["HEAD"], dependencies=[asked], include_in_schema=False
    )


def _photo_schema() -> dict[str, Any]:
    picture = {"type": "string", "format": "binary"}
    return {
        **{kind: {"schema": picture} for kind in _PICTURE_TYPES},
        FORM: {"schema": _object_of({PHOTO: picture})},
        JSON: {"schema": _object_of({PHOTO: {"type": "string", "format": "byte"}})},
    }


def _model_parameter(model: str) -> dict[str, Any]:
    schema = {"type": "string", "enum": [model]}
    text = "the model that this server reads with; any other is refused"
    return {"name": "model", "in": "query", "required": False, "schema": schema, "description": text}


def _batch_schema() -> dict[str, Any]:
    files, texts = (
        {"type": "array", "minItems": 1, "items": {"type": "string", "format": each}}
        for each in ("binary", "byte")
    )
    return {FORM: {"schema": _object_of({PHOTOS: files})}, JSON: {"schema": _object_of({PHOTOS: texts})}}


def _object_of(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def _problems(asks_token: bool) -> dict[int | str, dict[str, Any]]:
    """The documentation of every answer that is none."""
    retry = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    problem = {"application/json": {"schema": Problem.model_json_schema()}}
    reasons = {
        401: "no token, or a wrong one",
        403: "asked by a page of another site",
        408: "the body came too slowly",
        413: "too many bytes, or a photo of too many pixels",
        415: "not a photo, by its Content-Type or by what it holds; or a compressed body",
        422: "a photo that cannot be read: empty, damaged, of floating-point numbers; a malformed form, JSON "
        "or batch; an unknown parameter, or another model",
        503: "too much to do",
        504: "the photo took too long",
    }
    if not asks_token:
        del reasons[401]
    documented: dict[int | str, dict[str, Any]] = {
        status: {"description": reason, "content": problem} for status, reason in reasons.items()
    }
    documented[503]["headers"] = retry
    documented[400] = {
        "description": "the header Host names another server, or is no name",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    return documented


def _explain(_: Request, error: Exception) -> Response:
    status, headers = 422, {}
    if isinstance(error, Full) or (isinstance(error, Late) and not error.begun):
        status, headers = 503, {"Retry-After": _RETRY_SECONDS}
    elif isinstance(error, Late):
        status = 504
    elif isinstance(error, TooManyPixels):
        status = 413
    elif isinstance(error, NotAPicture):
        status = 415
    elif isinstance(error, Gone | ClientDisconnect):
        status = 408  # for nobody
    return JSONResponse({"detail": str(error)}, status, headers)
