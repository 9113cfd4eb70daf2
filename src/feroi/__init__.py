"""feroi reads facial expressions and shows which parts of the face decided.

import feroi

for face in feroi.analyze("party.jpg"):
    print(face.expression, face.confidence, face.box_xyxy_px, face.regions)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feroi.photo.decode import UnreadableImage as UnreadableImage
    from feroi.reader import Reader as Reader
    from feroi.reader import analyze as analyze
    from feroi.report.tables import to_frame as to_frame
    from feroi.results import Photo as PhotoReading
    from feroi.results import Reading as Reading

__all__ = ["PhotoReading", "Reader", "Reading", "UnreadableImage", "analyze", "to_frame"]
__version__ = "0.1.0.dev0"

_PUBLIC = {
    "PhotoReading": ("feroi.results", "Photo"),
    "Reader": ("feroi.reader", "Reader"),
    "Reading": ("feroi.results", "Reading"),
    "UnreadableImage": ("feroi.photo.decode", "UnreadableImage"),
    "analyze": ("feroi.reader", "analyze"),
    "to_frame": ("feroi.report.tables", "to_frame"),
}


def __getattr__(name: str) -> Any:
    """Load what people import only when they use it: `import feroi` itself loads nothing."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'feroi' has no attribute {name!r}")
    module, there = _PUBLIC[name]
    return getattr(import_module(module), there)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
