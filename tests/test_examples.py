"""Every script in examples/ runs as it stands, in an empty folder, and says what it should."""

from pathlib import Path

import pytest

from tests.forked import run_script

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SAYS = {
    "audit_a_folder.py": ["1 photograph stands under more than one class", "1 images dropped"],
    "compare_two_models.py": ["lmap3    balanced accuracy", "lenet5   balanced accuracy"],
    "explain_a_nested_model.py": ["vgg19_classifier/vgg19/block5_conv4", "unchanged    True"],
    "train_on_a_folder.py": ["80 images in phantoms", "balanced accuracy", "are in trained"],
    "your_own_model.py": ["3 epochs in", "balanced accuracy", "Grad-CAM of the real classes"],
}
WRITES = {
    "audit_a_folder.py": ["audit/audit.html", "audit/audit.json", "audit/actions.csv"],
    "train_on_a_folder.py": [
        "trained/run/last.keras",
        "trained/curves.png",
        "trained/confusion_matrix.png",
        "trained/predictions.csv",
        "trained/heatmap-7.png",
    ],
    "your_own_model.py": ["runs/small_resnet/best.keras"],
}


def test_every_example_is_here():
    assert sorted(SAYS) == sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", sorted(SAYS))
def test_example(name, tmp_path):
    done = run(name, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for text in SAYS[name]:
        assert text in done.stdout
    for file in WRITES.get(name, ()):
        assert (tmp_path / file).stat().st_size > 0


def test_train_on_a_folder_takes_a_folder(phantoms, tmp_path):
    done = run(
        "train_on_a_folder.py", tmp_path, str(phantoms), "--epochs", "1", "--image-size", "96"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "48 images in" in done.stdout
    assert not (tmp_path / "phantoms").exists()


def run(name, folder, *arguments):
    return run_script(EXAMPLES / name, *arguments, cwd=folder)
