"""Presets of the hub, from a server on this machine that answers well, badly or not at all."""

import hashlib
import json
import os
import resource
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import huggingface_hub
import keras
import numpy as np
import pytest

from keras_cxr import build_lenet5
from keras_cxr.errors import (
    DataError,
    InvalidArgumentError,
    MissingExtraError,
    NotFoundError,
    OutputError,
    WeightsUnavailableError,
)
from keras_cxr.inference import Classifier, load_classifier, save_preset
from keras_cxr.inference.preset.hub import fetch_preset, is_hub_source, parse_source
from tests.forked import run_forked
from tests.inference.preset.hub_server import COMMIT, serving

SOURCE = "hf://owner/name"
WEIGHTS = "model.weights.h5"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    keras.utils.set_random_seed(3)
    data = {"image_size": [32, 32], "color_mode": "grayscale"}
    classifier = Classifier(build_lenet5((32, 32, 1), 2), ("ill", "well"), data)
    return save_preset(classifier, tmp_path_factory.mktemp("saved") / "preset", name="lenet5")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache in a folder with a blank and letters that are not ASCII."""
    folder = tmp_path / "ein Zwischenspeicher für Röntgen"
    monkeypatch.setenv("KERAS_CXR_CACHE", str(folder))
    for name in ("KERAS_CXR_OFFLINE", "HF_HUB_OFFLINE", "HF_TOKEN", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def hub(saved, monkeypatch):
    files = {path.name: path.read_bytes() for path in saved.iterdir()}
    strange = {"modeling.py": b"raise SystemExit", "weights.pkl": b"\x80\x04"}
    with serving(files | strange) as (held, address):
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield held


def kept(cache):
    """The files in the cache that hold something."""
    return sorted(path.name for path in cache.rglob("*") if path.is_file() and path.stat().st_size)


def with_file(hub, name, content):
    """Put a file into the repository, with its SHA-256 in `preset.json`."""
    preset = json.loads(hub.files["preset.json"])
    preset["files"][name] = hashlib.sha256(content).hexdigest()
    hub.files |= {name: content, "preset.json": json.dumps(preset).encode()}


def test_a_preset_answers_as_its_folder_and_only_its_files_are_fetched(hub, saved, cache):
    films = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 1)).astype(np.float32)
    found = Classifier.from_preset(SOURCE)
    np.testing.assert_array_equal(
        found.predict(films), Classifier.from_preset(saved).predict(films)
    )
    named = {"preset.json", *json.loads(hub.files["preset.json"])["files"]}
    assert {one.split()[1] for one in hub.asked} == named
    assert set(kept(cache)) == named | {"main"}
    hub.asked.clear()
    assert load_classifier(Path(SOURCE)).class_names == (
        "ill",
        "well",
    )  # as the command line has it
    assert hub.asked == ["HEAD preset.json"]


def test_a_new_commit_is_fetched_and_a_kept_one_needs_no_connection(hub):
    first, later = fetch_preset(f"{SOURCE}@{COMMIT}"), "f" * 40
    hub.asked.clear()
    assert fetch_preset(f"{SOURCE}@{COMMIT}") == first
    assert hub.asked == []
    hub.commits |= {"main": later, later: later}
    assert fetch_preset(SOURCE).name == later
    assert fetch_preset(SOURCE).name == later
    assert hub.asked.count("GET preset.json") == 1


def test_large_files_come_from_another_host_that_gets_no_token(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.elsewhere.add(WEIGHTS)
    folder = fetch_preset(SOURCE)
    assert (folder / WEIGHTS).read_bytes() == hub.files[WEIGHTS]
    assert hub.tokens["GET preset.json"] == "Bearer hf_secret"
    assert hub.tokens["GET elsewhere"] is None


def test_a_proxy_is_asked_where_one_is_set(hub, monkeypatch):
    huggingface_hub.close_session()  # connections look at the variables when they are opened
    monkeypatch.setenv("http_proxy", os.environ["HF_ENDPOINT"])
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    try:
        assert fetch_preset(SOURCE).name == COMMIT
    finally:
        huggingface_hub.close_session()


@pytest.mark.parametrize("variable", ["KERAS_CXR_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nothing_is_asked(hub, variable, monkeypatch):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(NotFoundError, match=r"hf://owner/name is not in the cache .*forbids conn"):
        fetch_preset(SOURCE)
    monkeypatch.delenv(variable)
    folder = fetch_preset(SOURCE)
    hub.asked.clear()
    monkeypatch.setenv(variable, "1")
    assert fetch_preset(SOURCE) == folder
    (folder / WEIGHTS).write_bytes(b"damaged")
    with pytest.raises(NotFoundError, match="is damaged"):
        fetch_preset(SOURCE)
    assert hub.asked == []


def test_a_damaged_copy_is_fetched_again(hub):
    folder = fetch_preset(SOURCE)
    (folder / WEIGHTS).write_bytes(b"damaged")
    assert fetch_preset(SOURCE) == folder
    assert (folder / WEIGHTS).read_bytes() == hub.files[WEIGHTS]


@pytest.mark.parametrize(
    "source",
    ["hf://name", "hf://owner/name/file", "hf://owner/..", "hf://owner/name@", "hf://a b/c",
     "hf://owner/name@../x", "hf://", "hf://owner/näme"],
)  # fmt: skip
def test_other_forms_are_refused(source):
    assert is_hub_source(source) or source == "hf://"
    with pytest.raises(InvalidArgumentError, match=r"is named as hf://owner/name"):
        parse_source(source)


def html_for_weights(hub):
    hub.files[WEIGHTS] = b"<!DOCTYPE html><title>Log in</title>" * 9


def html_with_its_digest(hub):
    with_file(hub, WEIGHTS, b"<html>" * 100)


def html_for_all(hub):
    hub.files["preset.json"] = b"\n<html>Log in</html>"


def lfs_pointer(hub):
    hub.files[WEIGHTS] = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


def swapped(hub):
    hub.files[WEIGHTS] = hub.files["README.md"]


def changed_byte(hub):
    hub.files[WEIGHTS] = hub.files[WEIGHTS][:-1] + b"\x01"


def later_schema(hub):
    hub.files["preset.json"] = hub.files["preset.json"].replace(
        b'"schema_version": 2', b'"schema_version": 3'
    )


def code(hub):
    with_file(hub, "modeling.py", b"raise SystemExit")


def pickle(hub):
    with_file(hub, "weights.pkl", b"\x80\x04")


def huge_data_set(hub):
    path = Path(os.environ["KERAS_CXR_CACHE"]).parent / "huge.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("kernel", (1 << 20, 1 << 14), "f4", chunks=True)
    with_file(hub, WEIGHTS, path.read_bytes())


def huge_file(hub):
    hub.told[WEIGHTS] = 5 << 30


def other_size(hub):
    hub.told[WEIGHTS] = 5


def objects(hub):
    path = Path(os.environ["KERAS_CXR_CACHE"]).parent / "objects.npz"
    np.savez(path, references=np.array([{}], object))
    with_file(hub, "unusual.npz", path.read_bytes())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (html_for_weights, r"name: model\.weights\.h5 is a web page"),
        (html_with_its_digest, r"weights or detector cannot be used: it is damaged"),
        (html_for_all, r"preset\.json is a web page"),
        (lfs_pointer, r"is a Git LFS pointer.*git lfs pull"),
        (swapped, r"is not the file that preset\.json names \(SHA-256\)"),
        (changed_byte, r"is not the file that preset\.json names \(SHA-256\)"),
        (later_schema, r"has schema version 3, this release reads 2"),
        (code, r"names a file 'modeling\.py', which no preset has"),
        (pickle, r"names a file 'weights\.pkl', which no preset has"),
        (huge_data_set, r"would unpack to 68,719,476,736"),
        (huge_file, r"has 5,368,709,120 bytes or more, and no preset's has over"),
        (other_size, r"came with [\d,]+ bytes, the hub has 5"),
        (objects, r"holds Python objects"),
    ],
)
def test_nothing_of_what_is_no_preset_is_kept(hub, cache, damage, message):
    damage(hub)
    with pytest.raises(DataError, match=message) as refused:
        Classifier.from_preset(SOURCE)
    assert "Nothing of it is kept" in str(refused.value)
    assert kept(cache) == []


def test_a_body_without_end_is_cut_off(hub, cache):
    hub.endless = True
    with pytest.raises(DataError, match=r"preset\.json has 16,\d{3},\d{3} bytes or more"):
        fetch_preset(SOURCE)
    assert kept(cache) == []


def test_a_broken_connection_leaves_nothing(hub, cache):
    hub.cut = 10
    with pytest.raises(WeightsUnavailableError, match=r"cannot be fetched from .*Try again later"):
        fetch_preset(SOURCE)
    assert kept(cache) == []


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("hf://owner/other", "RepoNotFound"),
        ("hf://owner/name@v9", "RevisionNotFound"),
    ],
)
def test_what_is_not_there_is_told(hub, source, code):
    with pytest.raises(
        NotFoundError, match=rf"gives no preset\.json of {source} \({code}\): check"
    ):
        Classifier.from_preset(source)


def test_repositories_of_other_kinds_are_told(hub):
    del hub.files["preset.json"]
    with pytest.raises(NotFoundError, match=r"\(EntryNotFound\).*that it is a preset of keras-cxr"):
        fetch_preset(SOURCE)


def test_a_server_that_is_no_hub_is_told(hub):
    hub.commits["main"] = "../../elsewhere"
    with pytest.raises(WeightsUnavailableError, match="neither the hub nor a mirror of it"):
        fetch_preset(SOURCE)


def test_a_server_in_trouble_is_told(hub):
    hub.status = 503
    with pytest.raises(WeightsUnavailableError, match=r"503 .*HTTPS_PROXY.*HF_ENDPOINT"):
        fetch_preset(SOURCE)


def test_no_connection_is_told(monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(WeightsUnavailableError, match="KERAS_CXR_OFFLINE=1 takes what the cac"):
            fetch_preset(SOURCE)


def test_a_silent_server_is_told(hub, monkeypatch):
    hub.slow = 0.5
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_ETAG_TIMEOUT", 0.1)
    with pytest.raises(WeightsUnavailableError, match=r"\(.*timed out\)"):
        fetch_preset(SOURCE)


def test_a_full_disk_leaves_nothing(hub, cache):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"weights\.h5 cannot be written .*KERAS_CXR_CACHE"):
            fetch_preset(SOURCE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert kept(cache) == []


def test_a_cache_that_cannot_be_made_is_told(hub, cache):
    cache.write_text("a file")
    with pytest.raises(OutputError, match=r"cannot be written .*Set KERAS_CXR_CACHE to a folder"):
        fetch_preset(SOURCE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_may_not_be_written_is_read(hub, cache):
    folder = fetch_preset(SOURCE)
    places = [cache, *(path for path in cache.rglob("*") if path.is_dir())]
    for path in places:
        path.chmod(0o500)
    try:
        assert fetch_preset(SOURCE) == folder
        hub.commits["main"] = "f" * 40
        with pytest.raises(OutputError, match="KERAS_CXR_CACHE"):
            fetch_preset(SOURCE)
    finally:
        for path in places:
            path.chmod(0o700)


def test_without_the_extra_it_is_named(hub, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r'pip install "keras-cxr\[hub\]"'):
        fetch_preset(SOURCE)


def fetch_aloud():
    print(fetch_preset(SOURCE))


@pytest.mark.slow
def test_twenty_processes_end_with_one_whole_copy(hub, cache, tmp_path):
    hub.slow = 0.2  # so that they meet
    environment = {name: os.environ[name] for name in ("KERAS_CXR_CACHE", "HF_ENDPOINT")}
    with ThreadPoolExecutor(20) as threads:
        running = [
            threads.submit(run_forked, fetch_aloud, cwd=tmp_path, environment=environment)
            for _ in range(20)
        ]
        done = [one.result() for one in running]
    home = cache / "presets" / "owner" / "name"
    assert {one.stdout.strip() for one in done} == {str(home / COMMIT)}, done[0].stderr
    assert any("Another process fetches hf://owner/name" in one.stderr for one in done)
    assert sorted(path.name for path in home.iterdir()) == [".lock", COMMIT, "revisions"]
    assert hub.asked.count(f"GET {WEIGHTS}") == 1
    assert Classifier.from_preset(home / COMMIT).class_names == ("ill", "well")
