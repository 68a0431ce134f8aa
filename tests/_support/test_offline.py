import pytest

from keras_cxr._support.offline import is_offline
from keras_cxr.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("own", "hub", "offline"),
    [("", "", False), ("0", "0", False), ("1", "", True), ("ON", "0", True), ("", "True", True),
     ("no", "1", True)],
)  # fmt: skip
def test_either_variable_forbids_connections(own, hub, offline, monkeypatch):
    monkeypatch.setenv("KERAS_CXR_OFFLINE", own)
    monkeypatch.setenv("HF_HUB_OFFLINE", hub)
    assert is_offline() is offline


def test_a_slip_of_the_pen_opens_no_connection(monkeypatch):
    monkeypatch.setenv("KERAS_CXR_OFFLINE", "perhaps")
    with pytest.raises(InvalidArgumentError, match=r"must be 1 .* received 'perhaps'"):
        is_offline()
