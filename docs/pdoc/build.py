"""Build the Python reference from docstrings: python docs/pdoc/build.py OUT

All of the package is imported for it, so all of its extras must be installed.
"""

import sys
import warnings
from pathlib import Path

import pdoc
import pdoc.render

import feroi

MODULES = (
    "feroi", "feroi.reader", "feroi.results", "feroi.reading", "feroi.resting", "feroi.video", "feroi.events",
    "feroi.vocabulary", "feroi.config", "feroi.recipe", "feroi.settings", "feroi.outputs",
    "feroi.photo", "feroi.network", "feroi.data", "feroi.synthetic", "feroi.baselines", "feroi.explain",
    "feroi.training", "feroi.evaluation", "feroi.report", "feroi.analysis", "feroi.server", "feroi.web", "feroi.cluster",
    "feroi.paper",
)  # fmt: skip
"""What people import first, then the rooms in the order data flows. The command line is not for import."""


def build(out: Path) -> None:
    """Write the pages into the folder `out`, its first page index.html."""
    for name in feroi.__all__:
        setattr(feroi, name, getattr(feroi, name))  # they are loaded on use, and pdoc looks without using
    warnings.filterwarnings(
        "ignore", "Error parsing type annotation"
    )  # of named tuples; they are still shown
    pdoc.render.configure(template_directory=Path(__file__).parent, include_undocumented=False)
    pdoc.pdoc(*MODULES, output_directory=out)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
    print(Path(sys.argv[1], "index.html").resolve())
