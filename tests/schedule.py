"""Which of pytest-xdist's workers runs which tests: file by file, the longest first.

The tests of a file stay together, so that what they share (a trained model, an audit) is made
once; tests that share nothing and take long go one by one. The longest begin first, so that all
workers end at about the same time. (The mark `xdist_group` does nothing here: pytest 9.2 does not
ask for the names any more by which pytest-xdist 3.8 groups.)
"""

from typing import Any

from xdist.scheduler import LoadFileScheduling

# The files of these folders share what is made once in a session.
TOGETHER = ("tests/audit/of_model/controls/", "tests/audit/of_model/")
# Each test of these files is handed out alone.
ALONE = ("tests/test_benchmarks.py", "tests/test_docs.py", "tests/test_examples.py")
# How the names of the longest files begin; the others follow in the order of their names.
LONGEST = (
    "tests/explain/test_backends.py",
    "tests/explain/test_phantom_proof.py",
    "tests/training/",
    "tests/study/",
    "tests/explain/test_memory.py",
    "tests/audit/",
    "tests/explain/",
    "tests/cli/",
    "tests/heatmap_pages/",
    "tests/keras_graph/",
    "tests/models/",
    "tests/test_benchmarks.py",
    "tests/test_examples.py",
    "tests/test_docs.py",
)


def place(test: str) -> str:
    """Return what a test is handed out with: its file, its folder, or by itself."""
    file = test.split("::")[0]
    if file in ALONE:
        return test
    return next((folder for folder in TOGETHER if file.startswith(folder)), file)


def rank(name: str) -> int:
    """Return a number for a file or test: the lowest is handed out first."""
    starts = (number for number, start in enumerate(LONGEST) if name.startswith(start))
    return next(starts, len(LONGEST))


class LongestFirst(LoadFileScheduling):
    """Hand out files, or tests one by one, the longest first."""

    def _split_scope(self, nodeid: str) -> str:
        return place(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=rank), last=False)
        super()._assign_work_unit(node)
