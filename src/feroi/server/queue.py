"""The queue of photos to be read: a bounded number of requests, a few threads, one network."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from feroi.photo.decode import EncodedPhoto, photo_frames
from feroi.reader import Reader
from feroi.results import Photo
from feroi.server.limits import Limits

Told = TypeVar("Told")


class Full(Exception):
    """Every place is taken."""


class Late(Exception):
    """A photo was not read in time. begun: whether a worker was at it."""

    def __init__(self, message: str, begun: bool) -> None:
        super().__init__(message)
        self.begun = begun


class Gone(Exception):
    """Whoever asked no longer waits for the answer."""


class ReadingQueue:
    """Reads photos for at most `limits.places` requests, first come, first served.

    A request has one photo in the queue at a time, so that a batch does not keep others waiting.
    """

    def __init__(self, reader: Reader, limits: Limits) -> None:
        self.reader, self.limits = reader, limits
        self.taken = 0
        """Places taken now."""
        self._workers = self._new_workers()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place, from before the body is received until the answer is made. Raises Full."""
        if self.taken >= self.limits.places:
            raise Full(f"all {self.limits.places} places are taken; try again in a moment")
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def read(self, encoded: bytes, tell: Callable[[Photo], Told], gone: asyncio.Future[None]) -> Told:
        """What `tell` makes of the photo in `encoded`, on a worker's thread.

        gone: done as soon as nobody waits for the answer. A photo that is waiting is then forgotten; one that
        is being read is read to its end, since threads cannot be stopped.
        Raises `photo.pixels.UnreadableImage`, Late or Gone.
        """
        job = self._workers.submit(self._read, encoded, tell)
        answer = asyncio.wrap_future(job)
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # else it is logged
        try:
            ends: set[asyncio.Future[Any]] = {answer, gone}
            await asyncio.wait(ends, timeout=self.limits.answer_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            forgotten = job.cancel()
        if answer.done():
            return answer.result()
        if gone.done():
            raise Gone
        raise Late(f"not read within {self.limits.answer_seconds:g} s", begun=not forgotten)

    def close(self) -> None:
        """Forget what is waiting; whoever comes after that is read by new workers."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._workers = self._new_workers()

    def _new_workers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.limits.workers, "reading")  # begins no thread before a photo comes

    def _read(self, encoded: bytes, tell: Callable[[Photo], Told]) -> Told:
        try:
            for number, pixels in enumerate(photo_frames(EncodedPhoto("", encoded, self.limits.pixels))):
                (found,) = self.reader.read_many([pixels])
                if not number or found.faces or found.refused:
                    photo = found
                if found.faces or found.refused:  # of an animation the first picture that shows a face
                    break
            return tell(photo._replace(name="photo"))
        finally:
            give_back()


def give_back() -> None:
    """Give what is free back to the system, which glibc alone can be asked for.

    It keeps freed memory in a heap a thread; decoded photos of ever other sizes leave hundreds of MB there.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
