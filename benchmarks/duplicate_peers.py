"""What imagededup or cleanvision call copies in a folder; run by a Python that has them.

`python duplicate_peers.py TOOL FOLDER` prints JSON: the pairs, seconds and peak memory in MiB.
It needs nothing of keras-cxr, so that the tools can live in an environment of their own.
"""

import itertools
import json
import resource
import sys
import time
from pathlib import Path


def imagededup(folder: str, distance: int) -> list[tuple[str, str]]:
    """Pairs whose perceptual hashes (PHash, 64 bits) differ in at most so many bits."""
    from imagededup.methods import PHash

    found = PHash(verbose=False).find_duplicates(
        image_dir=folder, max_distance_threshold=distance, recursive=True
    )
    pairs = {tuple(sorted((one, other))) for one, others in found.items() for other in others}
    return [(one, other) for one, other in pairs]


def cleanvision(folder: str) -> list[tuple[str, str]]:
    """Pairs within the sets of exact and near duplicates."""
    from cleanvision import Imagelab

    lab = Imagelab(data_path=folder, verbose=False)
    lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, verbose=False)
    sets = [
        [str(Path(file).relative_to(folder)) for file in files]
        for kind in ("exact_duplicates", "near_duplicates")
        for files in lab.info[kind]["sets"]
    ]
    return [pair for files in sets for pair in itertools.combinations(sorted(files), 2)]


TOOLS = {
    "imagededup PHash, distance 10": lambda folder: imagededup(folder, 10),
    "imagededup PHash, distance 4": lambda folder: imagededup(folder, 4),
    "cleanvision": cleanvision,
}


def main() -> None:
    """Ask the tool and print what it found; its own chatter goes to standard error."""
    tool, folder = sys.argv[1:]
    out, sys.stdout = sys.stdout, sys.stderr
    started = time.perf_counter()
    pairs = TOOLS[tool](str(Path(folder).resolve()))
    seconds = time.perf_counter() - started
    peaks = [
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    json.dump({"pairs": sorted(pairs), "seconds": seconds, "mebibytes": max(peaks)}, out)


if __name__ == "__main__":
    main()
