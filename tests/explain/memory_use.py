"""What 200 calls and 50 GradCAM objects leave behind, printed as JSON: run by `test_memory`."""

import gc
import json
from pathlib import Path

import keras
import numpy as np

from keras_cxr.explain import GradCAM
from tests.explain.zoo import three_deep


def held():
    """Anonymous memory in MiB and the number of Python's objects."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    pages = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    return np.array([pages / 1024, len(gc.get_objects())])


def main():
    model, _ = three_deep()
    pictures = np.random.default_rng(0).uniform(0, 255, (4, *model.input_shape[1:]))
    explain = GradCAM(model)

    def calls(count):
        for _ in range(count):
            explain(pictures)

    def objects(count):
        for _ in range(count):
            GradCAM(model)(pictures)

    report = {"backend": keras.config.backend()}
    for work, count in ((calls, 200), (objects, 50)):
        work(count // 2)  # caches and allocators fill up
        before = held()
        work(count)
        report[work.__name__] = (held() - before).tolist()
    print(json.dumps(report))


if __name__ == "__main__":
    main()
