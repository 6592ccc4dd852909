"""The pictures in a request: bounded in bytes and in time before anything is done with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from midrib.errors import MalformedRequestError, PayloadTooLargeError, SlowRequestError
from midrib.serving.config import Limits

_MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class SentPicture:
    """One encoded picture; ``name`` is its file's, None when it was the whole body."""

    name: str | None
    data: bytes = field(repr=False)


async def read_pictures(request: Request, limits: Limits) -> list[SentPicture]:
    """Receive the request's pictures.

    Raises:
        PayloadTooLargeError: the body is, or says that it will be, too long.
        SlowRequestError: it did not arrive in time.
        MalformedRequestError: a multipart body that cannot be taken apart or holds no picture.
    """
    _refuse_announced(request, limits)
    try:
        async with asyncio.timeout(limits.body_seconds):
            if request.headers.get("content-type", "").lower().startswith(_MULTIPART):
                return await _read_multipart(request, limits)
            # Without the empty last chunk a body that came in one piece is not copied.
            chunks = [chunk async for chunk in _bounded(request, limits) if chunk]
            return [SentPicture(None, b"".join(chunks))]
    except TimeoutError:
        raise SlowRequestError(
            f"the body did not arrive within {limits.body_seconds:g} s",
            expected="a whole body in that time",
            todo="send it faster, or send a smaller picture",
        ) from None


def _refuse_announced(request: Request, limits: Limits) -> None:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.body_bytes:
        raise _too_large(f"the body has {int(announced):,} bytes", limits)


async def _bounded(request: Request, limits: Limits) -> AsyncGenerator[bytes, None]:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limits.body_bytes:
            raise _too_large(f"the body has more than {limits.body_bytes:,} bytes", limits)
        yield chunk


def _too_large(came: str, limits: Limits) -> PayloadTooLargeError:
    return PayloadTooLargeError(
        came,
        expected=f"at most {limits.body_bytes:,}",
        todo="send a smaller picture, or fewer at once",
    )


class _InMemoryParser(MultiPartParser):
    """Keeps parts in memory, which the body's limit bounds, and never writes a temporary file."""

    def __init__(self, request: Request, limits: Limits) -> None:
        super().__init__(
            request.headers,
            _bounded(request, limits),
            max_files=limits.pictures,
            max_fields=limits.pictures,
        )
        self.spool_max_size = limits.body_bytes + 1


async def _read_multipart(request: Request, limits: Limits) -> list[SentPicture]:
    try:
        form = await _InMemoryParser(request, limits).parse()
    except MultiPartException as problem:
        raise MalformedRequestError(
            f"the multipart body cannot be taken apart: {problem.message}",
            expected=f"one to {limits.pictures} files",
            todo="send each picture as a file, as curl -F picture=@photo.jpg does",
        ) from None
    pictures = []
    for field_name, part in form.multi_items():
        if not isinstance(part, UploadFile):
            raise MalformedRequestError(
                f"the field '{field_name}' is not a file",
                expected="files only",
                todo="send each picture as a file, as curl -F picture=@photo.jpg does",
            )
        pictures.append(SentPicture(part.filename or field_name, await part.read()))
    if not pictures:
        raise MalformedRequestError(
            "the multipart body holds no picture",
            expected=f"one to {limits.pictures} files",
            todo="send each picture as a file, as curl -F picture=@photo.jpg does",
        )
    return pictures
