import pytest

from tests.audit.planted import SIDE, plant


@pytest.fixture(scope="package")
def planted(tmp_path_factory):
    """A folder with planted copies, conflicts and a corrupt file, and {copy: (original, kind)}."""
    folder = tmp_path_factory.mktemp("planted") / "films"
    return folder, plant(folder)


@pytest.fixture(scope="package")
def audited(planted):
    """What `audit_data` finds there."""
    from keras_cxr.audit.data_audit import audit_data

    return audit_data(planted[0], image_size=(SIDE, SIDE), verbose=False)
