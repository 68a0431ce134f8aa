"""Audit a folder of chest X-rays, then train on what is left of it.

python examples/audit_a_folder.py                 # on phantoms that are drawn and spoilt
python examples/audit_a_folder.py YOUR-XRAYS
"""

import shutil
import sys
from pathlib import Path

from keras_cxr import make_datasets, make_phantoms
from keras_cxr.audit import audit_data


def spoilt_phantoms() -> Path:
    """Return a folder with one photograph under two classes and one file that is no picture."""
    folder = make_phantoms("phantoms", images_per_class=12, image_size=(96, 96))
    normal = folder / "Normal" / "images"
    shutil.copy(folder / "COVID" / "images" / "COVID-5.png", normal / "Normal-5-again.png")
    (normal / "broken.png").write_bytes(b"no picture")
    return folder


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else spoilt_phantoms()
found = audit_data(folder, image_size=(96, 96))
print(found)
for group in found.conflicts:
    print("one photograph, several classes:", ", ".join(group.files))
out = found.write("audit")
print(f"pictures: {out / 'audit.html'}")

# Drops what cannot be read and keeps copies in one part. Labels are changed only where
# somebody took the question mark from "relabel?" in audit/actions.csv.
datasets = make_datasets(folder, image_size=(96, 96), audit=out / "actions.csv")
print(datasets)
