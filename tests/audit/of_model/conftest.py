"""One run and its audit for all tests of this room; see `pytestmark` there."""

import pandas as pd
import pytest

from keras_cxr import make_datasets
from keras_cxr.audit.of_model.run_audit import audit_run
from keras_cxr.runs.single import train_and_report


@pytest.fixture(scope="session")
def run(phantoms, tmp_path_factory):
    """A LeNet-5, trained for an epoch."""
    out = tmp_path_factory.mktemp("run")
    train_and_report(
        phantoms, out, model="lenet5", epochs=1, image_size=(32, 32), batch_size=16, verbose=0
    )
    return out


@pytest.fixture(scope="session")
def metadata(phantoms, run):
    files = pd.read_csv(run / "split.csv")["file"]
    views = ["PA" if number % 2 else "AP" for number in range(len(files))]
    return pd.DataFrame({"file": files, "view": views})


@pytest.fixture(scope="session")
def audited_model(phantoms, run, metadata, tmp_path_factory):
    out = tmp_path_factory.mktemp("audit")
    said = []
    found = audit_run(
        run, phantoms, controls="quick", metadata=metadata, out_dir=out, say=said.append, verbose=0
    )
    found.write(out, license="apache-2.0")
    return found, out, said


@pytest.fixture(scope="session")
def datasets(phantoms):
    return make_datasets(
        phantoms, image_size=(32, 32), group_duplicates=False, format="keras", augment=False
    )
