"""What a result was measured on, for reports: versions and processor."""

import os
import platform
from importlib import metadata
from pathlib import Path

import keras

PACKAGES = ("keras-cxr", "keras", "numpy", "opencv-python-headless", "scikit-learn")


def describe_machine() -> dict[str, str]:
    """Versions, backend, processor and cores, as words."""
    backend = keras.backend.backend()
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else ""),
        "accelerator": ", ".join(keras.distribution.list_devices("gpu")) or "none",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "backend": f"{backend} {metadata.version(backend)}",
        **{package: metadata.version(package) for package in PACKAGES},
    }


def _processor() -> str:
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.is_file():
        for line in cpu_info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
