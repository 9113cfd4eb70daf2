"""fuzz/readers.py for tests: what each reader owes to files from strangers, and small valid files."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("readers", Path(__file__).parents[2] / "fuzz" / "readers.py")
assert _spec is not None
assert _spec.loader is not None
readers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(readers)
