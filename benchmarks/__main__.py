"""Runs all benchmarks one after the other, each in a process of its own."""

import argparse
import subprocess
import sys
from pathlib import Path

NAMES = (
    "training", "stages", "augmentation", "reading", "startup", "prediction", "growth",
    "demo",
)  # fmt: skip


def run_all() -> int:
    """Run them; the number of those that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="as small as possible")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks"), help="for JSON")
    chosen = parser.parse_args()
    options = ["--out", str(chosen.out), *(["--smoke"] if chosen.smoke else [])]
    failed = 0
    for name in NAMES:
        command = [sys.executable, "-m", f"benchmarks.{name}", *options]
        failed += subprocess.run(command, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(run_all())
