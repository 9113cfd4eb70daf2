"""feroi reads facial expressions and shows which regions of the face made the decision.

import feroi

for face in feroi.analyze("party.jpg"):
    print(face.expression, face.confidence, face.box_xyxy_px, face.regions)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feroi.reader import Reader as Reader
    from feroi.reader import analyze as analyze

__all__ = ["Reader", "analyze"]
__version__ = "0.1.0.dev0"

_PUBLIC = {"analyze": "feroi.reader", "Reader": "feroi.reader"}


def __getattr__(name: str) -> Any:
    """Load what people import only when they use it: `import feroi` itself loads nothing."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'feroi' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
