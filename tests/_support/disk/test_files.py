import os
import subprocess
import sys

import pytest

from keras_cxr._support.disk.files import (
    check_output,
    output_folder,
    temporaries_of,
    whole_file,
    write_whole,
)
from keras_cxr.errors import OutputError

OUTPUT = {"capture_output": True, "text": True, "check": True}


def test_output_folder_is_made_with_its_parents(tmp_path):
    folder = output_folder(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_output_folder_under_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"Cannot write to the folder .*file.* Choose another"):
        output_folder(tmp_path / "file" / "below")


def test_write_whole_replaces_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "text.txt"
    write_whole(target, "first")
    write_whole(target, b"second")
    assert target.read_text() == "second"
    assert list(tmp_path.iterdir()) == [target]


def test_write_whole_that_fails_keeps_the_old_content(tmp_path):
    folder = tmp_path / "is-a-folder"
    folder.mkdir()
    (folder / "inside").write_text("kept")
    with pytest.raises(OSError, match="Cannot write"):
        write_whole(folder, "text")
    assert (folder / "inside").read_text() == "kept"
    assert list(tmp_path.iterdir()) == [folder]


def test_check_output_creates_nothing(tmp_path):
    assert check_output(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_when_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")

    def write_half():
        with whole_file(path) as temporary:
            temporary.write_text("hal")
            raise ZeroDivisionError("half")

    with pytest.raises(ZeroDivisionError, match="half"):
        write_half()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_keeps_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(OutputError, match=r"No space left.*is kept"), whole_file(path):
        raise OSError(28, "No space left on device")
    assert path.read_text() == "before"


def test_what_a_kill_left_is_found_again(tmp_path):
    path = tmp_path / "model.keras"
    with whole_file(path) as temporary:
        temporary.write_text("new")
        (tmp_path / ".model.notes.keras").touch()
        assert temporary.suffix == ".keras"  # by which Keras chooses the format
        assert temporaries_of(path) == [temporary]
    assert temporaries_of(path) == []


def test_what_a_kill_left_is_removed_by_the_next_write_an_hour_later(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], **OUTPUT)
    left, fresh = (tmp_path / f".a.{number}.tmp.txt" for number in (int(dead.stdout), 2**22 + 1))
    living = tmp_path / f".a.{os.getppid()}.tmp.txt"
    for path in (left, fresh, living):
        path.write_text("half")
    for path in (left, living):
        os.utime(path, (0, 0))
    write_whole(tmp_path / "a.txt", "whole")
    assert sorted(tmp_path.iterdir()) == sorted([fresh, living, tmp_path / "a.txt"])
