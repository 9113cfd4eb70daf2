"""How fast feroi reads crops and whole photos, starts and trains, beside peers from the registries.

    python benchmarks/peers --data FER2013 --json peers.json
    python benchmarks/peers --only crops --data FER2013 --model runs/attention/best.safetensors

Contenders take turns within every round, so that whatever else the machine does hits all alike; the
tables say the median of the rounds and the range of their middle half. What is not installed is
skipped, with a line that says how to install it. Everything there is:

    pip install '.[train,export]' openvino ai-edge-litert tensorflow pandas requests tqdm \\
        'opencv-python-headless<5' 'setuptools<81'
    pip install --no-deps fer

`fer` is installed without what it asks for, since that includes facenet-pytorch, which it does not use
by default and which wants numpy below 2; its Haar cascades are gone from OpenCV 5, and it imports
pkg_resources, which is gone from setuptools 81. Takes about four minutes on two cores that do nothing else.
"""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from crops import compare_crops
from photos import compare_photos
from rounds import Row
from start import measure_start

from feroi.files import write_text
from feroi.network.description import DEFAULT
from training import compare_training

SECTIONS = ("crops", "photos", "start", "training")
PACKAGES = ("feroi", "numpy", "onnxruntime", "openvino", "torch", "fer", "ai-edge-litert", "tensorflow")
PACKAGES += ("opencv-python-headless", "dlib-bin")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, with commas between")
    parser.add_argument("--model", action="append", default=[], help="a further network; repeatable")
    parser.add_argument("--data", help="FER-2013, folder or CSV: calibrates int8 and scores the crops")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    sections = chosen.only.split(",")
    if unknown := sorted(set(sections) - set(SECTIONS)):
        parser.error(f"no section {', '.join(unknown)}; choose from {', '.join(SECTIONS)}")

    results: dict[str, list[Row]] = {}
    if "crops" in sections:
        results |= compare_crops([DEFAULT, *chosen.model], chosen.data, chosen.rounds)
    if "photos" in sections:
        results["photos"] = compare_photos(chosen.rounds)
    if "start" in sections:
        results["start"] = measure_start(chosen.rounds)
    if "training" in sections:
        results["training"] = compare_training(chosen.rounds)
    if chosen.json:
        report = {"machine": platform.platform(), "versions": versions(), **results}
        write_text(chosen.json, json.dumps(report, indent=1) + "\n")


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
