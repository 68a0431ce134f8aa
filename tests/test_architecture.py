"""The rules of ARCHITECTURE.md that import-linter cannot hold."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "keras_cxr"
MOST_FILES = 12

MODULES = {
    path.relative_to(PACKAGE): ast.parse(path.read_text(encoding="utf-8"))
    for path in PACKAGE.rglob("*.py")
}


def public(kind):
    """Where the public definitions of a kind stand, by name."""
    places = defaultdict(list)
    for path, tree in MODULES.items():
        for node in tree.body:
            if isinstance(node, kind) and not node.name.startswith("_"):
                places[node.name].append(path.as_posix())
    return places


@pytest.mark.parametrize("room", sorted({path.parent for path in MODULES}))
def test_a_room_can_be_looked_over(room):
    files = [path for path in MODULES if path.parent == room and path.name != "__init__.py"]
    assert len(files) <= MOST_FILES, f"{room} holds {len(files)} files: give it rooms"


def test_no_two_classes_share_a_name():
    twice = {name: places for name, places in public(ast.ClassDef).items() if len(places) > 1}
    assert twice == {}


def test_no_module_is_named_as_the_function_that_it_exports():
    functions = public(ast.FunctionDef)
    same = [p for name, places in functions.items() for p in places if Path(p).stem == name]
    assert same == []


def test_tests_lie_where_the_code_lies():
    rooms = {path.parent.as_posix() for path in MODULES}
    tests = {
        path.parent.relative_to(ROOT / "tests").as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
    }
    assert tests <= rooms
