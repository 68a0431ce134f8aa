import ast
import os
import subprocess
import sys
from pathlib import Path

import keras_cxr.data

ROOM = Path(keras_cxr.data.__file__).parent
SCRIPT = """
import sys
import numpy as np
from keras_cxr.data import find_images, list_caches, read_image
from keras_cxr.data.batching.augment import Augmentation, warp
from keras_cxr.data.caching.cache import open_cache
from keras_cxr.data.draws import image_keys
from keras_cxr.data.splitting.assign import assign_parts

catalog = find_images({folder!r})
files = [entry.file for entry in catalog.entries]
assign_parts(files, [entry.label for entry in catalog.entries])
store, _ = open_cache(catalog, (32, 32), cache_dir={cache!r})
assert len(list_caches({cache!r})) == 1
matrix = Augmentation().matrices(image_keys(files), (32, 32), seed=0, epoch=0)[0]
warp(store.image(0), matrix, fill_mode="reflect")
print(sorted({{"tensorflow", "keras", "matplotlib", "jax", "torch"}} & set(sys.modules)))
"""


def run(script, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        cwd=ROOM.parents[1],
    )


def test_tensorflow_and_keras_are_imported_in_one_function_each():
    importing = []
    for path in sorted(ROOM.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            roots = {name.split(".")[0] for name in names}
            for name in roots & {"tensorflow", "keras"}:
                importing.append((path.name, name, node in tree.body))
    assert importing == [
        ("pipelines.py", "tensorflow", False),
        ("pipelines.py", "keras", False),
    ]


def test_finding_splitting_caching_and_moving_load_no_backend(phantoms, tmp_path):
    done = run(SCRIPT.format(folder=str(phantoms), cache=str(tmp_path)))
    assert done.stderr == ""
    assert done.stdout.strip() == "[]"


LEAVE = """
from keras_cxr.data import make_datasets
for kind in ("tf", "keras"):
    datasets = make_datasets({folder!r}, cache_dir={cache!r}, image_size=(64, 64), batch_size=2,
                             format=kind)
    iterator = iter(datasets.train)
    next(iterator)
print("left")
"""


def test_a_program_may_end_in_the_middle_of_an_epoch(phantoms, tmp_path):
    done = run(LEAVE.format(folder=str(phantoms), cache=str(tmp_path)))
    assert done.returncode == 0
    assert done.stdout.strip() == "left"
    assert "Error" not in done.stderr
    assert "Warning" not in done.stderr
