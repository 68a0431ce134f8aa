import os
from pathlib import Path

# Quiet TensorFlow's start-up lines; set before anything imports it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # workers fill the cores: threads of each would wait
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ.setdefault(name, "1")

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "keras-cxr",
    deadline=None,  # building a model takes as long as the machine is busy
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("keras-cxr")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from tests.schedule import LongestFirst  # pytest-xdist is there: it asks

    return LongestFirst(config, log)


@pytest.fixture(autouse=True, scope="session")
def _own_cache_folder(tmp_path_factory):
    """No test reads or fills the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_CXR_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory):
    """A folder of twelve phantoms a class at 96 x 96, in the Kaggle layout; only to be read."""
    from keras_cxr import make_phantoms

    folder = tmp_path_factory.mktemp("phantoms") / "database"
    return make_phantoms(folder, images_per_class=12, image_size=(96, 96), seed=0)


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """A folder with planted copies, conflicts and a corrupt file, and {copy: (original, kind)}."""
    from tests.audit.planted import plant

    folder = tmp_path_factory.mktemp("planted") / "films"
    return folder, plant(folder)


@pytest.fixture(scope="session")
def audited(planted):
    """What `audit_data` finds there."""
    from keras_cxr.audit.of_data.audit import audit_data
    from tests.audit.planted import SIDE

    return audit_data(planted[0], image_size=(SIDE, SIDE), verbose=False)


@pytest.fixture(scope="session")
def real_data():
    """The real X-rays, where KERAS_CXR_TEST_DATA names a folder that holds them."""
    folder = Path(os.environ.get("KERAS_CXR_TEST_DATA", ""))
    if not (folder / "COVID-19_Radiography_Dataset").is_dir():
        pytest.skip("real X-rays are not here: KERAS_CXR_TEST_DATA does not name their folder")
    return folder
