"""Add a data set: JAFFE, whose files are named KA.AN1.39.tiff: who, which expression, a number.

python examples/add_dataset.py prepare folder JAFFE JAFFE-faces
python examples/add_dataset.py crossval --data JAFFE-faces --run runs/jaffe
"""

import re
from pathlib import Path

from feroi.cli.app import app
from feroi.data.readers import register_layout
from feroi.data.samples import LayoutError, Sample, Samples
from feroi.photo.decode import is_image_name
from feroi.vocabulary import expression_named

NAME = re.compile(r"(?P<subject>[A-Z]{2})\.(?P<expression>AN|DI|FE|HA|NE|SA|SU)\d+\.\d+")


def looks_like_jaffe(root: Path) -> bool:
    """Whether a folder holds a file named as JAFFE's are."""
    return any(NAME.fullmatch(path.stem) for path in root.rglob("*") if is_image_name(path))


def read_jaffe(root: Path) -> Samples:
    """The samples below `root`, each with its subject, ordered by name."""
    rows = []
    for path in sorted(root.rglob("*")):
        if is_image_name(path) and (match := NAME.fullmatch(path.stem)):
            expression = expression_named(match["expression"])
            name = path.relative_to(root).as_posix()
            rows.append(Sample(path, name, expression, match["subject"], {"source": "JAFFE"}))
    if not rows:
        raise LayoutError(f"no images below {root} named as JAFFE's are, such as KA.AN1.39.tiff")
    return Samples(rows)


register_layout("jaffe", read_jaffe, looks_like_jaffe)
if __name__ == "__main__":
    app()
