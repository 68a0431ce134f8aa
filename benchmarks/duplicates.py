"""Copies planted among films: which tools find them, and which accuse the innocent.

Phantoms by default. `KERAS_CXR_BENCH_IMAGES` names a folder of real films to plant among;
`KERAS_CXR_BENCH_IMAGEDEDUP` and `KERAS_CXR_BENCH_CLEANVISION` the Python interpreters of
environments that have these tools; they are left out otherwise.
"""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import duplicate_peers
from benchmarks.common import Options, Report, main, private_cache
from benchmarks.watching import PeakMemory
from keras_cxr import make_phantoms
from keras_cxr.data import find_duplicates, find_images, read_image

SIDE = 224
Image = NDArray[np.uint8]
Found = dict[str, Any]


def _levels(change: Callable[[NDArray[np.float64]], Any]) -> Callable[[Image], Image]:
    return lambda image: np.clip(change(image.astype(np.float64)), 0, 255).astype(np.uint8)


def _jpeg(image: Image, quality: int) -> Image:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def _resized(image: Image, share: float) -> Image:
    side = int(SIDE * share)
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (SIDE, SIDE)))


def _cropped(image: Image, share: float) -> Image:
    edge = round(SIDE * (1 - share) / 2)
    return np.asarray(cv2.resize(image[edge : SIDE - edge, edge : SIDE - edge], (SIDE, SIDE)))


def _moved(image: Image, *, shift: float = 0.0, degrees: float = 0.0) -> Image:
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), degrees, 1.0)
    matrix[:, 2] += shift * SIDE
    return np.asarray(cv2.warpAffine(image, matrix, (SIDE, SIDE)))


def _labelled(image: Image) -> Image:
    copy = image.copy()
    for text, place in (("R", (10, 40)), ("PORTABLE", (70, 30)), ("12:30", (120, 215))):
        cv2.putText(copy, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
    return copy


def _noisy(image: Image) -> Image:
    noise = np.random.default_rng(int(image.sum())).normal(0, 8, image.shape)
    return _levels(lambda levels: levels + noise)(image)


CHANGES: dict[str, Callable[[Image], Image]] = {
    "none (exact)": lambda image: image,
    "mirrored": lambda image: image[:, ::-1],
    "resized to 40 % and back": lambda image: _resized(image, 0.4),
    "JPEG, quality 20": lambda image: _jpeg(image, 20),
    "noise, 8 grey levels": _noisy,
    "brightness by 40 grey levels": _levels(lambda levels: levels + 40),
    "contrast by 0.6": _levels(lambda levels: (levels - 128) * 0.6 + 128),
    "gamma 1.7": _levels(lambda levels: 255 * (levels / 255) ** 1.7),
    "cropped to 95 %": lambda image: _cropped(image, 0.95),
    "cropped to 90 %": lambda image: _cropped(image, 0.90),
    "cropped to 85 %": lambda image: _cropped(image, 0.85),
    "shifted by 3 %": lambda image: _moved(image, shift=0.03),
    "shifted by 6 %": lambda image: _moved(image, shift=0.06),
    "three large labels": _labelled,
    "cropped to 92 %, darker, JPEG 40": lambda image: _jpeg(
        _levels(lambda levels: levels * 0.7)(_cropped(image, 0.92)), 40
    ),
    "negative": lambda image: 255 - image,
    "turned by 3 degrees": lambda image: _moved(image, degrees=3),
    "turned by 6 degrees": lambda image: _moved(image, degrees=6),
}


def run(options: Options) -> Report:
    """Plant each change in as many films; ask every tool for the pairs."""
    report = Report("duplicates", "Copies planted among films, 224 x 224")
    films = _films(options, len(CHANGES) * options.size(50, 2))
    folder, planted = _plant(films, options.work / "planted")
    report.notes.append(
        f"{len(films):,} films, one changed copy of each: {len(planted) // len(CHANGES)} for each "
        "change. A pair is wrong where it joins two different films."
    )
    found = {"keras-cxr": _ours(folder)}
    for name in duplicate_peers.TOOLS:
        python = os.environ.get(f"KERAS_CXR_BENCH_{name.split()[0].upper()}")
        if python:
            found[name] = _peer(name, python, folder)
    report.tables.append(_table(found, planted))
    for name, result in found.items():
        recall, wrong = _score(result["pairs"], planted)
        report.add(f"{name}: copies found", [float(np.mean(list(recall.values())))], "share")
        report.add(f"{name}: wrong pairs", [wrong], "pairs")
        report.add(f"{name}: time", [result["seconds"]], "s")
        report.add(f"{name}: peak memory", [result["mebibytes"]], "MiB")
    return report


def _films(options: Options, count: int) -> list[Path]:
    """Different films: of the folder that was named, spread evenly, or phantoms."""
    named = os.environ.get("KERAS_CXR_BENCH_IMAGES")
    if not named:
        folder = make_phantoms(
            options.work / "phantoms", images_per_class=-(-count // 4), image_size=(SIDE, SIDE)
        )
        return sorted(folder.glob("*/images/*.png"))[:count]
    known = {file for group in find_duplicates(named, on_error="skip").groups for file in group[0]}
    catalog = find_images(named)
    alone = [entry.file for entry in catalog.entries if entry.file not in known]
    places = np.linspace(0, len(alone) - 1, count).round().astype(int)
    return [Path(catalog.path(alone[place])) for place in places]


def _plant(films: list[Path], folder: Path) -> tuple[Path, dict[str, str]]:
    """Writes each film and one changed copy of it; the change of each film by its number."""
    planted = {}
    for part in ("films", "copies"):
        (folder / part).mkdir(parents=True)
    for number, (film, change) in enumerate(zip(films, itertools.cycle(CHANGES), strict=False)):
        image = read_image(film, (SIDE, SIDE))[..., 0]
        planted[f"{number:05d}"] = change
        for part, pixels in (("films", image), ("copies", CHANGES[change](image))):
            cv2.imwrite(str(folder / part / f"{number:05d}-{part}.png"), pixels)
    return folder, planted


def _ours(folder: Path) -> Found:
    with private_cache() as cache, PeakMemory() as memory:
        started = time.perf_counter()
        pairs = find_duplicates(folder, cache_dir=cache, verbose=False).pairs
        seconds = time.perf_counter() - started
    found = list(zip(pairs["file_a"], pairs["file_b"], strict=True))
    return {"pairs": found, "seconds": seconds, "mebibytes": memory.above / 2**20}


def _peer(name: str, python: str, folder: Path) -> Found:
    script = Path(duplicate_peers.__file__)
    command = [python, str(script), name, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def _score(pairs: list[tuple[str, str]], planted: dict[str, str]) -> tuple[dict[str, float], int]:
    """Share of the copies of each change that was found, and how many pairs are wrong."""
    numbers = [tuple(Path(file).name[:5] for file in pair) for pair in pairs]
    right = {one for one, other in numbers if one == other}
    recall = {}
    for change in CHANGES:
        copies = {number for number, made in planted.items() if made == change}
        recall[change] = len(copies & right) / len(copies)
    return recall, sum(one != other for one, other in numbers)


def _table(found: dict[str, Found], planted: dict[str, str]) -> str:
    scores = {name: _score(result["pairs"], planted) for name, result in found.items()}
    lines = [f"| Change | {' | '.join(found)} |", f"|---|{'---:|' * len(found)}"]
    for change in CHANGES:
        cells = [f"{100 * recall[change]:.0f} %" for recall, _ in scores.values()]
        lines.append(f"| {change} | {' | '.join(cells)} |")
    lines.append(f"| wrong pairs | {' | '.join(f'{wrong:,}' for _, wrong in scores.values())} |")
    for name, unit in (("seconds", "s"), ("mebibytes", "MiB")):
        cells = [f"{result[name]:,.0f} {unit}" for result in found.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.platform == "win32":
        raise SystemExit("peak memory is read from Linux' /proc")
    main(run)
