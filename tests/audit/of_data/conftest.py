import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def _one_thread():
    """On busy cores threads of small matrices and trees wait for each other, as audits know."""
    with threadpool_limits(1):
        yield
