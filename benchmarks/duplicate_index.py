"""Looking for copies among many films: all pairs beside indexes, what they miss, what they cost.

Phantoms by default; `KERAS_CXR_BENCH_IMAGES` names a folder of real films. Where they are too few,
further ones are made: two films that look alike, laid over each other and bent. faiss's indexes
take part where `faiss-cpu` is installed.
"""

import itertools
import os
import time
from collections.abc import Callable, Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import Options, Report, main, private_cache
from benchmarks.duplicates import CHANGES
from benchmarks.duplicates import SIDE as CHANGED_SIDE
from benchmarks.watching import PeakMemory
from keras_cxr import make_phantoms
from keras_cxr.data import find_images
from keras_cxr.data.caching.cache import open_cache
from keras_cxr.data.duplicates.candidates import Cells, Pairs, find_candidates, pairs_above
from keras_cxr.data.duplicates.search import MIN_COSINE
from keras_cxr.data.duplicates.windows import SIDE, WHOLE, TargetWindow, framings_by_target

DRAWN_SIDE = 128
NEAREST = 16  # look-alikes of a picture that would be looked at closely
PROBES = 64  # of faiss's 4 sqrt(n) cells; of its graph 64 nodes

Image = NDArray[np.uint8]
Rows = NDArray[np.float32]
Index = Callable[[Rows], tuple[NDArray[np.float32], NDArray[np.int64]]]
Builder = Callable[[Rows], Index]


def run(options: Options) -> Report:
    """Plant copies among films and ask each index for what looks like them."""
    report = Report("duplicate_index", "Films that look like a film, among many: indexes")
    films = _films(options)
    for count in (300,) if options.smoke else (20_000, 200_000):
        pictures, pairs = _planted(films, count, count // 20 if count < 50_000 else 2_000)
        _measure(report, pictures, pairs)
    report.notes += [
        f"{len(films):,} drawn or real films, the others made of two that look alike. Planted: one "
        f"copy under one of {len(CHANGES)} changes; found: among the {NEAREST} nearest, above a "
        f"cosine of {MIN_COSINE}. Seconds of processor, scaled from the planted films and as many "
        "others to all; all framings; an index for each of three windows.",
    ]
    return report


def _films(options: Options) -> Image:
    """(n, 128, 128) films."""
    folder = os.environ.get("KERAS_CXR_BENCH_IMAGES") or make_phantoms(
        options.work / "phantoms", images_per_class=options.size(500, 20), image_size=DRAWN_SIDE
    )
    catalog = find_images(folder)
    with private_cache() as cache:
        store, _ = open_cache(catalog, (DRAWN_SIDE, DRAWN_SIDE), cache_dir=cache, verbose=False)
        return np.stack([store.image(row) for row in range(len(catalog.entries))])


def _small(image: Image) -> Image:
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def _planted(films: Image, count: int, copies: int) -> tuple[Image, NDArray[np.int64]]:
    """(count, 64, 64) pictures, the last of them copies; (copies, 2) the rows of each pair."""
    rng = np.random.default_rng(0)
    seen = np.stack([_small(film) for film in films])
    described = TargetWindow(seen, WHOLE).targets
    first, last = (len(films) // 600, max(2, len(films) // 60))
    alike = np.concatenate(
        [
            np.argsort(-(described[start : start + 512] @ described.T), 1)[:, first:last]
            for start in range(0, len(films), 512)
        ]
    )

    def film(row: int) -> Image:
        if row < len(films):
            return films[row]
        draw, number = np.random.default_rng(row), row % len(films)
        share = draw.uniform(0.4, 0.6)
        both = films[number] * share + films[draw.choice(alike[number])] * (1 - share)
        return _bent(both.astype(np.uint8), draw)

    pictures = np.empty((count, SIDE, SIDE), np.uint8)
    for row in range(count - copies):
        pictures[row] = _small(film(row))
    sources = rng.choice(count - copies, copies, replace=False)
    for place, change in zip(range(copies), itertools.cycle(CHANGES.values()), strict=False):
        original = cv2.resize(film(sources[place]), (CHANGED_SIDE, CHANGED_SIDE))
        pictures[count - copies + place] = _small(np.ascontiguousarray(change(original)))
    return pictures, np.column_stack([sources, np.arange(count - copies, count)])


def _bent(image: Image, draw: np.random.Generator) -> Image:
    """Under a random smooth map, with shifts of some 2 pixels at 5 x 5 places."""
    shifts = draw.normal(0, 0.015 * DRAWN_SIDE, (2, 5, 5)).astype(np.float32)
    side = (DRAWN_SIDE, DRAWN_SIDE)
    rows, columns = np.mgrid[:DRAWN_SIDE, :DRAWN_SIDE].astype(np.float32)
    along_x, along_y = (cv2.resize(one, side, interpolation=cv2.INTER_CUBIC) for one in shifts)
    moved = cv2.remap(
        image, columns + along_x, rows + along_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved)


def _measure(report: Report, pictures: Image, pairs: NDArray[np.int64]) -> None:
    count = len(pictures)
    others = np.random.default_rng(1).choice(count, min(count, len(pairs)), replace=False)
    asked = np.unique(np.concatenate([pairs.ravel(), others]))
    complete: set[int] = set()
    for name, build in _contestants().items():
        found, seconds = _ask(build, pictures, asked)
        planted = {n for n, (a, b) in enumerate(pairs) if b in found[a] or a in found[b]}
        complete = complete or planted  # all pairs come first
        kept = len(planted & complete) / len(complete)
        report.add(f"{count:,}: {name}, planted pairs found", [len(planted) / len(pairs)], "share")
        report.add(f"{count:,}: {name}, of those that all pairs find", [kept], "share")
        report.add(f"{count:,}: {name}, processor time", [seconds * count / len(asked)], "s")
    with PeakMemory() as memory:
        started = time.process_time()
        find_candidates(pictures, threshold=MIN_COSINE, max_exhaustive=0)
        seconds = time.process_time() - started
    report.add(f"{count:,}: keras-cxr, all that is compared from afar", [seconds], "s")
    report.add(
        f"{count:,}: keras-cxr, peak memory above the pictures", [memory.above / 2**20], "MiB"
    )


def _ask(
    build: Builder, pictures: Image, asked: NDArray[np.int64]
) -> tuple[dict[int, set[int]], float]:
    """The nearest of each row that is asked for, over all framings; processor seconds."""
    best: dict[int, dict[int, float]] = {row: {} for row in asked.tolist()}
    seconds = 0.0
    for window, framings in framings_by_target().items():
        frame = TargetWindow(pictures, window)
        started = time.process_time()
        index = build(frame.targets)
        # built once for all queries, however many: not scaled up with them
        seconds += (time.process_time() - started) * len(asked) / len(pictures)
        for _, framing in framings:
            queries = frame.queries(framing, asked)
            started = time.process_time()
            scores, rows = index(queries)
            seconds += time.process_time() - started
            for query, some_scores, some_rows in zip(asked.tolist(), scores, rows, strict=True):
                known = best[query]
                for score, row in zip(some_scores.tolist(), some_rows.tolist(), strict=True):
                    if score > MIN_COSINE and row not in (query, -1):
                        known[row] = max(known.get(row, -1.0), score)
    return {
        query: set(sorted(known, key=known.__getitem__, reverse=True)[:NEAREST])
        for query, known in best.items()
    }, seconds


def _contestants() -> dict[str, Builder]:
    found: dict[str, Builder] = {"all pairs": _all_pairs, "keras-cxr's cells": _cells}
    try:
        import faiss  # noqa: F401
    except ModuleNotFoundError:
        return found
    return found | {"faiss IVF": _faiss_cells, "faiss HNSW": _faiss_graph}


def _all_pairs(targets: Rows) -> Index:
    def ask(queries: Rows) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        found = []
        for start in range(0, len(queries), 512):
            places, *rest = pairs_above(queries[start : start + 512], targets, MIN_COSINE)
            found.append((places + start, *rest))
        return _nearest(found, len(queries))

    return ask


def _cells(targets: Rows) -> Index:
    cells = Cells(targets)
    return lambda queries: _nearest(cells.above(queries, MIN_COSINE), len(queries))


def _nearest(found: Iterable[Pairs], count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The best of each query, as faiss answers: -1 where there are fewer."""
    places, rows, scores = map(np.concatenate, zip(*found, strict=True))
    order = np.lexsort((-scores, places))
    places, rows, scores = places[order], rows[order], scores[order]
    rank = np.arange(len(places)) - np.searchsorted(places, places)
    best = rank <= NEAREST
    nearest = np.full((count, NEAREST + 1), -1, np.int64)
    cosines = np.full(nearest.shape, -1.0, np.float32)
    nearest[places[best], rank[best]] = rows[best]
    cosines[places[best], rank[best]] = scores[best]
    return cosines, nearest


def _faiss_cells(targets: Rows) -> Index:
    import faiss

    cells, width = round(4 * len(targets) ** 0.5), targets.shape[1]
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, cells, faiss.METRIC_INNER_PRODUCT)
    index.train(targets[np.random.default_rng(0).permutation(len(targets))[: cells * 50]])
    index.add(targets)
    index.nprobe = PROBES
    return lambda queries: index.search(queries, NEAREST + 1)


def _faiss_graph(targets: Rows) -> Index:
    import faiss

    index = faiss.IndexHNSWFlat(targets.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 80
    index.add(targets)
    index.hnsw.efSearch = PROBES
    return lambda queries: index.search(queries, NEAREST + 1)


if __name__ == "__main__":
    main(run)
