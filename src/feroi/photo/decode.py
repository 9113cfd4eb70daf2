"""Picture files to arrays, and arrays to a wanted size."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from feroi.files import display_name
from feroi.photo.arrays import Array, eight_bit_array
from feroi.photo.decode_limits import load_whole, why_costly
from feroi.photo.kinds import HEAD_BYTES, kind_of, other_kind

IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jfif .png .bmp .gif .tif .tiff .webp .avif .pgm .ppm .heic .heif".split()  # noqa: SIM905
)

MAX_PIXELS = 200_000_000
"""Larger pictures are refused: decoded they would take more than 600 MB, and three times that on the way."""

NOT_FOUND, NO_PERMISSION = "file not found", "no permission to read the file"
"""Reasons that say nothing of the picture, and may be gone next time."""
NO_PERMISSION_FOLDER = "no permission to read the folder"
NO_MEMORY = "not enough memory to read it"
_NO_PICTURE = "not a picture"
_NO_HEIF = "HEIF pictures are not read without feroi[heif]: pip install 'feroi[heif]', or convert it to JPEG"
_VIDEO = "a video, not a photo; feroi analyze reads it, and Reader.read_video in Python"

_FEWER_BITS = 2**16 / 8  # 13 bits at most

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "PPM")
"""What is decoded; Pillow knows more, and runs a program for some."""
_BAND_ROWS = 256
_ANIMATED = frozenset({"GIF", "WEBP", "PNG", "AVIF", "TIFF"})
_MOST_FRAMES = 24
"""Of an animation, or a TIFF's pages, these many, evenly spread, are searched for a face; no more than
MAX_PIXELS in all."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What EXIF's orientation asks for."""


_HEADER_LOCK = Lock()

Value = TypeVar("Value", np.uint8, np.float32)


class EncodedPhoto(NamedTuple):
    """A photo that lies in no file of its own: what to call it, and the bytes its file would hold.

    max_pixels: more are not decoded.
    """

    name: str
    encoded: bytes
    max_pixels: int = MAX_PIXELS


class NoPhoto(NamedTuple):
    """What stands where a photo should, and why it cannot be read; its row says so."""

    name: Path | str
    reason: str


Source = Path | EncodedPhoto | NoPhoto | Image.Image | Array
"""A photo: its file, what a file holds, or itself, as for `as_photo`; or none."""


class UnreadableImage(ValueError):
    """A file that holds no picture we can read; the message says why."""


class NotAPicture(UnreadableImage):
    """What is of no format we know."""


class TooManyPixels(UnreadableImage):
    """A picture larger than we decode."""


def is_image_name(path: Path) -> bool:
    """Whether a file's name says it is a picture; hidden files are not."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def photo_name(photo: Source, number: int) -> str:
    """What people are told a photo is called; one without a name by its number."""
    name = photo.name if isinstance(photo, EncodedPhoto | NoPhoto) else photo
    return display_name(name) if isinstance(name, Path | str) and str(name) else f"photo {number}"


def photo_pixels(photo: Source) -> NDArray[np.uint8]:
    """The pixels of a photo wherever it lies; see `read_photo`, `decode_photo`, `as_photo`."""
    return next(photo_frames(photo))


def photo_frames(photo: Source) -> Iterator[NDArray[np.uint8]]:
    """The pixels of a photo, and if it is an animation in a file, those of later pictures, in order.

    Of a long one no more than 24, evenly spread. Raises as `photo_pixels`, before the first.
    """
    if isinstance(photo, NoPhoto):
        raise UnreadableImage(photo.reason)
    if not isinstance(photo, Path | EncodedPhoto):
        yield as_photo(photo)
        return
    file = photo if isinstance(photo, Path) else BytesIO(photo.encoded)
    max_pixels = MAX_PIXELS if isinstance(photo, Path) else photo.max_pixels
    with _opened(file) as image:
        yield _upright(image, "RGB", max_pixels)
        yield from _later_frames(image, max_pixels)


def read_photo(path: Path) -> NDArray[np.uint8]:
    """The picture in `path` as sRGB, upright by its EXIF tag, (H, W, 3).

    Grey pictures have three equal channels, CMYK is converted without its colour profile, 16-bit
    values keep their upper half, transparent pixels are laid on white; of an animation or of pages the
    first is read. The format, JPEG, PNG, GIF, WebP, AVIF, TIFF, BMP or PPM, or with feroi[heif] HEIF, is told
    by the bytes alone.
    A grey 16-bit picture all below an eighth of the range holds fewer bits, as those of 12-bit cameras,
    and is stretched so that its maximum is white. Raises UnreadableImage for anything that is not a
    whole picture, holds more than MAX_PIXELS, or floating-point numbers.
    """
    return _decode(path, "RGB")


def decode_photo(encoded: bytes, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """The picture in the bytes of a file that somebody sent, as `read_photo` gives those in files.

    Its format is told by the bytes alone, and no file is opened. Raises UnreadableImage, and of its kinds
    NotAPicture for what is of no format that is read, TooManyPixels for more than `max_pixels`, which are not
    decoded.
    """
    return photo_pixels(EncodedPhoto("", encoded, max_pixels))


def as_photo(picture: Image.Image | Array) -> NDArray[np.uint8]:
    """A picture in memory as `read_photo` gives those in files; an array (H, W) stays as it is.

    An image that comes straight from `Image.open` is turned upright by its EXIF tag, like its file. Whatever
    else Pillow made is taken as it looks: it may have been turned already, and keeps the tag nevertheless.
    Of an array (H, W, 4), RGBA, transparent pixels are laid on white; (H, W, 1) is as (H, W). Floating-point
    numbers, all from 0 to 1, are taken as scikit-image has them: 1 is white.
    Raises UnreadableImage for a Pillow image that cannot be decoded or is empty, TypeError for anything but
    images and such arrays, ValueError for arrays of another shape.
    """
    if isinstance(picture, Image.Image):
        with _explained():
            return _upright(picture, "RGB", by_exif=isinstance(picture, ImageFile.ImageFile))
    array = eight_bit_array(picture)
    if array.shape[2:] == (4,):
        return np.asarray(_on_white(Image.fromarray(array)))
    return np.ascontiguousarray(array[..., 0] if array.shape[2:] == (1,) else array)


def read_intensity(path: Path) -> NDArray[np.uint8]:
    """Intensity channel (ITU-R 601 luma) of the picture in `path`, (H, W); else as `read_photo`."""
    return _decode(path, "L")


def to_intensity(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Intensity (ITU-R 601 luma) of a photo (H, W, 3), as (H, W); one that is (H, W) is left as it is."""
    return photo if photo.ndim == 2 else np.asarray(Image.fromarray(photo).convert("L"))


def cover(image: NDArray[Value], size_hw: tuple[int, int]) -> NDArray[Value]:
    """The centre of `image` (H, W) in the proportions of `size_hw`, resized to it; never distorted.

    uint8, or float32, which may swing beyond its range beside edges. Pillow's bicubic filter, which
    averages when it shrinks.
    """
    if image.shape == tuple(size_hw):
        return image
    height, width = size_hw
    box = cover_box((image.shape[0], image.shape[1]), size_hw)
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.asarray(resized)


def cover_box(image_hw: tuple[int, int], size_hw: tuple[int, int]) -> tuple[float, float, float, float]:
    """What `cover` keeps of an image of `image_hw`: left, top, right, bottom in px from its corner."""
    scale = min(image_hw[0] / size_hw[0], image_hw[1] / size_hw[1])
    # rounding may carry the box out of the image by a hair, which Pillow refuses
    top = max((image_hw[0] - scale * size_hw[0]) / 2, 0.0)
    left = max((image_hw[1] - scale * size_hw[1]) / 2, 0.0)
    return left, top, image_hw[1] - left, image_hw[0] - top


def _decode(path: Path, mode: str) -> NDArray[np.uint8]:
    with _opened(path) as image:
        return _upright(image, mode)


def _later_frames(image: Image.Image, max_pixels: int) -> Iterator[NDArray[np.uint8]]:
    """Those of an animation, or the pages, behind the first; none behind one that is damaged."""
    if image.format not in _ANIMATED:
        return
    left = MAX_PIXELS - image.width * image.height
    try:
        # counting the pages of a TIFF takes as long as reading all that is said of them
        count = _MOST_FRAMES if image.format == "TIFF" else getattr(image, "n_frames", 1)
        most = min(count, _MOST_FRAMES, MAX_PIXELS // (image.width * image.height))
        for number in range(1, most):
            image.seek(number * count // most)
            left -= image.width * image.height
            if left < 0:
                return
            yield _upright(image, "RGB", max_pixels)
    except Exception:  # on damaged files decoders raise whatever they stumble over
        return


@contextmanager
def _opened(file: Path | BytesIO) -> Iterator[Image.Image]:
    """A picture, to be decoded in the block; raises UnreadableImage for whatever goes wrong there."""
    with _explained(file):
        if isinstance(file, Path):
            _check_file(file)
        with _open(file) as image:
            yield image


@contextmanager
def _explained(file: Path | BytesIO | None = None) -> Iterator[None]:
    """Turn whatever goes wrong with a picture into UnreadableImage."""
    try:
        yield
    except UnreadableImage:
        raise
    except FileNotFoundError:
        raise UnreadableImage(NOT_FOUND) from None
    except PermissionError:
        raise UnreadableImage(NO_PERMISSION) from None
    except UnidentifiedImageError:
        raise _unidentified(_head(file) if file else b"") from None
    except MemoryError:
        raise UnreadableImage(NO_MEMORY) from None
    except OSError as error:  # the system's have a number, decoders' of damaged files none
        reason = "damaged picture" if error.errno is None else "the file cannot be read"
        raise UnreadableImage(f"{reason}: {error.strerror or error}") from None
    except Exception as error:  # on damaged files decoders raise whatever they stumble over
        raise UnreadableImage(f"damaged picture: {error}") from None


def _upright(
    image: Image.Image, mode: str, max_pixels: int = MAX_PIXELS, by_exif: bool = True
) -> NDArray[np.uint8]:
    if not image.width * image.height:
        raise UnreadableImage(f"an empty picture, {image.width} x {image.height} px")
    if image.width * image.height > max_pixels:
        found = f"{image.width} x {image.height} px"
        raise TooManyPixels(f"too many pixels: {found}, at most {max_pixels:,} are read")
    reason = why_costly(image)
    if reason is not None:
        raise UnreadableImage(reason)
    image = load_whole(image, _open)
    turn = _turn(image) if by_exif else None
    upright = _to_eight_bit(image if turn is None else image.transpose(turn))
    # both of Pillow's ways would copy where nothing is to do, and a large picture fills 800 MB
    return np.asarray(upright if upright.mode == mode else upright.convert(mode))


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What the EXIF tag of a picture asks for; other tags may hold anything, and are of no concern."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # what is damaged there says nothing
        return None


def _check_file(path: Path) -> None:
    """Raises UnreadableImage for folders and for pipes and devices, which would be waited on for ever."""
    if "\0" in str(path):  # of a list whose names do not end in ends of lines
        raise UnreadableImage(NOT_FOUND)
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        closed = not os.access(path, os.R_OK | os.X_OK)
        raise UnreadableImage(NO_PERMISSION_FOLDER if closed else "a folder, not a picture")
    if not stat.S_ISREG(mode):
        raise UnreadableImage("not a file")


def _head(file: Path | BytesIO) -> bytes:
    if isinstance(file, BytesIO):
        return bytes(file.getbuffer()[:HEAD_BYTES])
    with file.open("rb") as content:
        return content.read(HEAD_BYTES)


def _unidentified(head: bytes) -> UnreadableImage:
    if not head:
        return UnreadableImage("empty file")
    kind = kind_of(head)
    if kind == "picture":
        return UnreadableImage("damaged picture: its beginning cannot be read")
    other = other_kind(head)
    what = f"{_NO_PICTURE}: {other}" if other else _NO_PICTURE
    return NotAPicture({"heif": _NO_HEIF, "video": _VIDEO}.get(kind or "", what))


def _open(file: Path | BytesIO) -> Image.Image:
    # Pillow warns from 89 megapixels on and refuses at twice that, by a global. Panoramas are larger,
    # so its limit is lifted while the header is read, one thread at a time, and ours follows.
    with _HEADER_LOCK:
        pillow_limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            return Image.open(file, formats=_FORMATS)
        except UnidentifiedImageError:
            if kind_of(_head(file)) != "heif":
                raise
            return _open_heif(file)
        finally:
            Image.MAX_IMAGE_PIXELS = pillow_limit


def _open_heif(file: Path | BytesIO) -> Image.Image:
    """A HEIF picture, upright as it says itself. Raises NotAPicture without feroi[heif]."""
    try:
        from pillow_heif import HeifImageFile  # of the extra heif
    except ImportError:
        raise NotAPicture(_NO_HEIF) from None
    try:
        opened: Image.Image = HeifImageFile(file)
        return opened
    except SyntaxError as error:
        raise UnreadableImage(f"damaged picture: {error}") from None


def _to_eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey; Pillow widens some of it to 32 bits
        values = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
        brightest = float(values.max())
        full = brightest if 0 < brightest < _FEWER_BITS else 65535.0
        eight_bit = np.clip(np.arange(65536) * (255.0 / full) + 0.5, 0, 255).astype(np.uint8)
        return Image.fromarray(eight_bit[values])
    if image.mode == "F":  # black and white may be any two numbers
        raise UnreadableImage("pictures of floating-point numbers are not read; convert to 8 or 16 bit")
    if image.has_transparency_data:
        return _on_white(image)
    return image


def _on_white(image: Image.Image) -> Image.Image:
    """A picture laid on white, in bands: whole copies of it would fill the memory."""
    flat = Image.new("RGB", image.size)
    for top in range(0, image.height, _BAND_ROWS):
        band = image.crop((0, top, image.width, min(top + _BAND_ROWS, image.height))).convert("RGBA")
        flat.paste(Image.alpha_composite(Image.new("RGBA", band.size, "white"), band), (0, top))
    return flat
