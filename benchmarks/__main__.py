"""Runs all benchmarks one after the other, each in a process of its own."""

import subprocess
import sys

from benchmarks.common import parse_arguments

NAMES = (
    "training",
    "stages",
    "transfer",
    "operations",
    "augmentation",
    "reading",
    "startup",
    "prediction",
    "segmentation",
    "runtimes",
    "gradcam",
    "faithfulness",
    "growth",
    "duplicates",
    "duplicate_index",
    "detectors",
    "ood",
    "coverage",
    "demo",
)


def run_all() -> int:
    """Run them; the number of those that failed."""
    chosen = parse_arguments(__doc__)
    options = ["--out", str(chosen.out), *(["--smoke"] if chosen.smoke else [])]
    failed = 0
    for name in NAMES:
        command = [sys.executable, "-m", f"benchmarks.{name}", *options]
        failed += subprocess.run(command, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(run_all())
