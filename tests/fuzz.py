"""Damages good files at random and reads them: each ends in an answer or in one of our errors.

    python -m tests.fuzz --count 20000 --seed 0 --keep found

Files are pictures of every format, models, tables and what runs leave behind. A process reads
them one by one, with a limit of time and of memory for each, so that what hangs, takes memory or
ends the process itself is caught and named too. Case and file follow from seed, kind and number
alone; `--keep` writes the files that failed.
"""

import argparse
import collections
import json
import multiprocessing
import os
import random
import re
import resource
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

SECONDS = 30.0  # for one file; on a busy machine the largest takes two
MEBIBYTES = 1024  # that one file may add to what its process takes
SHARES = {
    "png": 14, "jpeg": 14, "tiff": 12, "bmp": 4, "webp": 4, "dicom": 20, "keras": 6,
    "run.json": 6, "result.json": 3, "model_audit.json": 2, "sets.json": 2, "npz": 5, "csv": 8,
    "labels": 6,
}  # fmt: skip
GOOD = ("answer", "error")

Seeds = dict[str, list[bytes]]


def run(count: int, seed: int, keep: Path | None = None) -> dict[str, collections.Counter[str]]:
    """How often each kind ended in "answer", "error" (one of ours) or something else, in words.

    Args:
        count: files in total, shared out as `SHARES` says.
        seed: of the damages.
        keep: folder for the files that failed.
    """
    total = sum(SHARES.values())
    cases = [
        (kind, number)
        for kind, share in SHARES.items()
        for number in range(max(1, round(count * share / total)))
    ]
    outcomes: dict[str, collections.Counter[str]] = {kind: collections.Counter() for kind in SHARES}
    with tempfile.TemporaryDirectory() as work:
        seeds = _in_child(_write_seeds, Path(work))
        for (kind, number), outcome in _outcomes(cases, seeds, seed, Path(work)):
            outcomes[kind][outcome] += 1
            if outcome not in GOOD:
                print(f"{kind} {number}: {outcome}", file=sys.stderr, flush=True)
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    content = damaged(kind, seeds[kind], number, seed)
                    (keep / f"{kind.replace('.', '-')}-{seed}-{number}").write_bytes(content)
    return outcomes


def damaged(kind: str, seeds: list[bytes], number: int, seed: int) -> bytes:
    """The file of a case; the first ones are whole."""
    if number < len(seeds):
        return seeds[number]
    draw = random.Random(f"{seed} {kind} {number}")
    content = draw.choice(seeds)
    if kind == "keras" and draw.random() < 0.7:
        return _inside_archive(content, draw)
    if kind == "npz" and draw.random() < 0.5:
        return _inside_archive(content, draw)
    if kind.endswith("json") or kind in ("csv", "labels"):
        return (
            _text_damaged(content, draw) if draw.random() < 0.7 else _bytes_damaged(content, draw)
        )
    content = _bytes_damaged(content, draw)
    return _png_sums_mended(content) if kind == "png" and draw.random() < 0.7 else content


INTEGERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
WORDS = (
    "null", "true", "-1", "0", "1e999", "NaN", "Infinity", "99999999", "1e-320", '""', "[]", "{}",
    "9" * 400, '"\\u0000"', '"x"', "[[[[1]]]]", "1.5", '"\\ud800"', "-0", "../../x", "=1+1", ",",
    ";",
)  # fmt: skip


def _bytes_damaged(content: bytes, draw: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        size = len(data)
        # heads decide more than pixels
        place = draw.randrange(min(size, draw.choice((64, 512, size))) or 1) if size else 0
        length = draw.choice((1, 2, 4, 16, 64, 256))
        action = draw.randrange(8)
        if action == 0 and size:
            data[place] ^= 1 << draw.randrange(8)
        elif action == 1 and size:
            data[place] = draw.randrange(256)
        elif action == 2:
            value = draw.choice(INTEGERS).to_bytes(4, draw.choice(("big", "little")))
            data[place : place + 4] = value
        elif action == 3:
            del data[place : place + length]
        elif action == 4:
            data[place:place] = data[place : place + length]
        elif action == 5:
            data[place:place] = draw.randbytes(length)
        elif action == 6:
            data[place : place + length] = bytes(len(data[place : place + length]))
        else:
            del data[draw.randrange(size + 1) if draw.random() < 0.5 else size :]
    return bytes(data)


def _text_damaged(content: bytes, draw: random.Random) -> bytes:
    """Words of a JSON document or table replaced by others."""
    text = content.decode()
    for _ in range(draw.choice((1, 1, 2, 5))):
        tokens = list(re.finditer(r'"[^"]*"|[-\w.]+|[\[\]{},:;\n]', text))
        if not tokens:
            break
        token = draw.choice(tokens)
        other = draw.choice([*WORDS, "", draw.choice(tokens)[0], token[0] * 2])
        text = text[: token.start()] + other + text[token.end() :]
    return text.encode("utf-8", "surrogatepass")


def _inside_archive(content: bytes, draw: random.Random) -> bytes:
    """A ZIP archive whose members, not the archive, are damaged, added, packed or left out."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = draw.choice(list(members))
    action = draw.randrange(6)
    if action == 0:
        del members[chosen]
    elif action == 1:
        members[draw.choice(("../x", "assets/x", "config.json/x", "y"))] = b"x"
    elif chosen.endswith(".json"):
        members[chosen] = _text_damaged(members[chosen], draw)
    else:
        members[chosen] = _bytes_damaged(members[chosen], draw)
    pack = zipfile.ZIP_DEFLATED if draw.random() < 0.2 else zipfile.ZIP_STORED
    held = BytesIO()
    with zipfile.ZipFile(held, "w", pack) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return held.getvalue()


def _png_sums_mended(content: bytes) -> bytes:
    """Checksums that fit, so that what lies behind them is reached."""
    data, place = bytearray(content), 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + 8 + length
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return bytes(data)


def _outcomes(
    cases: list[tuple[str, int]], seeds: Seeds, seed: int, work: Path
) -> Iterator[tuple[tuple[str, int], str]]:
    """Each case with its outcome; a new process takes over from one that ended."""
    place = 0
    while place < len(cases):
        here, there = multiprocessing.get_context("fork").Pipe()
        process = multiprocessing.get_context("fork").Process(
            target=_work, args=(there, cases[place:], seeds, seed, work), daemon=True
        )
        process.start()
        there.close()
        try:
            here.recv()  # it is ready, which on a busy machine takes a minute
            while place < len(cases):
                if not here.poll(SECONDS):
                    yield cases[place], f"took more than {SECONDS:.0f} s"
                    place += 1
                    break
                outcome = here.recv()
                yield cases[place], outcome
                place += 1
                if outcome.startswith("took"):
                    break
        except EOFError:
            process.join()
            yield cases[place], f"ended the process ({process.exitcode})"
            place += 1
        finally:
            process.kill()
            process.join()
            here.close()


def _work(pipe: Any, cases: list[tuple[str, int]], seeds: Seeds, seed: int, work: Path) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what libraries say of damaged files
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    use = _targets(work)
    pipe.send("ready")
    for kind, number in cases:
        content = damaged(kind, seeds[kind], number, seed)
        before = _peak()
        try:
            outcome = _outcome(use[kind], content)
            if outcome == "error" and number < len(seeds[kind]):
                outcome = "refused a good file"
        except MemoryError:
            outcome = "took all memory"
        grown = _peak() - before
        pipe.send(f"took {grown:,.0f} MiB" if grown > MEBIBYTES else outcome)
    pipe.close()


def _outcome(use: Callable[[bytes], Any], content: bytes) -> str:
    from keras_cxr.errors import KerasCXRError

    try:
        use(content)
    except KerasCXRError as error:
        return "error" if str(error).strip() else "an error without words"
    except MemoryError:
        raise
    except BaseException as error:
        frames, trace = [], error.__traceback__
        while trace is not None:
            frames.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
            trace = trace.tb_next
        return f"{type(error).__name__} at {' '.join(frames[-3:])}: {str(error)[:80]!r}"
    return "answer"


def _peak() -> float:
    """Mebibytes that this process took at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _targets(work: Path) -> dict[str, Callable[[bytes], Any]]:
    """What is done with the files of each kind."""
    from keras_cxr.audit.of_model.base.predictions import read_predictions
    from keras_cxr.data import find_images, read_image, read_label_file
    from keras_cxr.evaluation.ood import OutOfDistribution
    from keras_cxr.inference import load_classifier
    from keras_cxr.inference.recorded import read_split
    from keras_cxr.training.checkpoint import read_arrays
    from tests.test_damaged_files import KINDS, SPLIT

    folder = work / "A"
    folder.mkdir(exist_ok=True)
    (folder / "split.csv").write_text(SPLIT)  # a run's folder is known by it
    film = work / "film.png"
    model = load_classifier(work / "seed.keras").model

    def written(name: str, use: Callable[[Path], Any]) -> Callable[[bytes], Any]:
        def apply(content: bytes) -> Any:
            (folder / name).write_bytes(content)
            return use(folder / name)

        return apply

    def classify(path: Path) -> None:
        table, failed = load_classifier(path).predict_files([film])
        assert len(table) + len(failed) == 1

    def read_npz(path: Path) -> None:
        if b"references" in path.read_bytes()[:4096]:
            OutOfDistribution.load(path, model)
        else:
            read_arrays(path)

    def read_table(path: Path) -> None:
        head = path.read_bytes()[:40]
        if b"predicted" in head:
            read_predictions(path)
        elif b"group" in head:
            read_split(folder)
        else:
            find_images(path)

    pictures = {kind: f"film.{kind}" for kind in ("png", "jpeg", "tiff", "bmp", "webp", "dicom")}
    use = {
        kind: written(name, lambda path: read_image(path, (32, 32)))
        for kind, name in pictures.items()
    }
    use |= {
        kind.name: written(kind.name, lambda path, k=kind: k.use(path.parent)) for kind in KINDS
    }
    return use | {
        "keras": written("model.keras", classify),
        "npz": written("state.npz", read_npz),
        "csv": written("split.csv", read_table),
        "labels": written("labels.csv", lambda path: str(read_label_file(path).table)),
    }


def _write_seeds(work: Path) -> Seeds:
    """Good files of each kind, drawn and trained here; some are left in the folder."""
    import cv2
    import keras
    import numpy as np

    from keras_cxr.evaluation.ood_file import weights_digest
    from keras_cxr.phantoms.draw import draw_phantom
    from tests import test_damaged_files as documents
    from tests.data.label_files import examples as labels

    grey = draw_phantom("COVID", 0, image_size=(40, 48)).image
    colour, deep = np.dstack([grey] * 3), grey.astype(np.uint16) * 257
    alpha = np.dstack([colour, 255 - grey])

    def encoded(suffix: str, image: Any, *options: int) -> bytes:
        found, data = cv2.imencode(suffix, image, options)
        assert found
        return data.tobytes()

    inputs = keras.Input((32, 32, 1))
    hidden = keras.layers.Conv2D(4, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    hidden = keras.layers.BatchNormalization()(hidden)
    hidden = keras.layers.Dropout(0.1)(keras.layers.GlobalAveragePooling2D()(hidden))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden))
    model.save(work / "seed.keras")
    (work / "film.png").write_bytes(encoded(".png", grey))
    head = {
        "schema_version": 1, "threshold": 0.5, "neighbor": 2, "num_validation": 9,
        "held_out": True, "weights": weights_digest(model),
    }  # fmt: skip
    detector, state = BytesIO(), BytesIO()
    np.savez(
        detector, references=np.zeros((4, 4 + 256), np.float16), head=np.array(json.dumps(head))
    )
    np.savez(state, **{"model/0": np.ones((3, 3), np.float32), "callbacks": np.zeros(2, np.uint8)})
    keras_file = (work / "seed.keras").read_bytes()
    return {
        "png": [encoded(".png", image) for image in (grey, colour, deep, alpha)]
        + [encoded(".png", grey, cv2.IMWRITE_PNG_BILEVEL, 1)],
        "jpeg": [
            encoded(".jpg", grey),
            encoded(".jpg", colour),
            encoded(".jpg", colour, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
            encoded(".jpg", grey, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
        ],
        "tiff": [
            encoded(".tiff", image, cv2.IMWRITE_TIFF_COMPRESSION, packing)
            for image in (grey, deep, colour)
            for packing in (1, 5, 8)
        ],
        "bmp": [encoded(".bmp", grey), encoded(".bmp", colour)],
        "webp": [encoded(".webp", colour), encoded(".webp", colour, cv2.IMWRITE_WEBP_QUALITY, 101)],
        "dicom": _dicom_files(grey, deep, encoded(".jpg", grey)),
        "keras": [keras_file],
        **{kind.name: [json.dumps(kind.good).encode()] for kind in documents.KINDS},
        "npz": [detector.getvalue(), state.getvalue()],
        "csv": [
            b"file,label,part\nfilm.png,ill,train\nfilm.jpeg,well,test\n",
            b"file;label;patient\nfilm.png;ill;7\nfilm.jpeg;well;8\n",
            documents.SPLIT.encode(),
            b"file,real,predicted,correct,ill,well\na.png,ill,ill,True,0.75,0.25\n",
        ],
        "labels": [
            labels.write(
                work / kind, kind, labels.Film("a"), labels.Film("b", ("0", "-1"))
            ).read_bytes()
            for kind in labels.PATHS
            if kind != "mimic"  # whose labels alone name no film
        ],
    }


def _dicom_files(grey: Any, deep: Any, jpeg: bytes) -> list[bytes]:
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import (
        DeflatedExplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        JPEGBaseline8Bit,
        RLELossless,
    )

    def film(pixels: Any, syntax: Any, content: bytes | None = None, **tags: Any) -> Any:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = syntax
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        meta.MediaStorageSOPInstanceUID = "1.2.3"
        found = FileDataset(None, Dataset(), file_meta=meta, preamble=bytes(128))
        found.Rows, found.Columns = pixels.shape
        found.SamplesPerPixel, found.PhotometricInterpretation = 1, "MONOCHROME2"
        found.BitsAllocated = found.BitsStored = 8 * pixels.itemsize
        found.HighBit, found.PixelRepresentation = found.BitsStored - 1, 0
        found.SOPClassUID, found.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
        found.PatientID, found.Modality = "p", "DX"
        for name, value in tags.items():
            setattr(found, name, value)
        found.PixelData = pixels.tobytes() if content is None else content
        return found

    def saved(found: Any) -> bytes:
        held = BytesIO()
        found.save_as(held, enforce_file_format=True)
        return held.getvalue()

    window = {
        "WindowCenter": "128",
        "WindowWidth": "200",
        "RescaleSlope": "1",
        "RescaleIntercept": "0",
    }
    packed = film(grey, ExplicitVRLittleEndian)
    packed.compress(RLELossless)
    return [
        saved(film(grey, ExplicitVRLittleEndian, **window)),
        saved(film(deep, ImplicitVRLittleEndian, PhotometricInterpretation="MONOCHROME1")),
        saved(film(deep, DeflatedExplicitVRLittleEndian, **window)),
        saved(film(grey, JPEGBaseline8Bit, encapsulate([jpeg]))),
        saved(packed),
    ]


def _in_child(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns in a process of its own: forking after Keras computed is no good."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(function, arguments)


def table(outcomes: dict[str, collections.Counter[str]]) -> str:
    """The counts, a line for each kind."""
    lines = [f"{'kind':18}{'files':>8}{'answers':>9}{'errors':>8}{'other':>7}"]
    for kind, found in [*outcomes.items(), ("all", sum(outcomes.values(), collections.Counter()))]:
        other = found.total() - sum(found[name] for name in GOOD)
        lines.append(
            f"{kind:18}{found.total():8,}{found['answer']:9,}{found['error']:8,}{other:7,}"
        )
    return "\n".join(lines)


def main() -> int:
    """The command line; 1 where a file ended otherwise than it should."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2_000, help="files in total")
    parser.add_argument("--seed", type=int, default=0, help="of the damages")
    parser.add_argument("--keep", type=Path, help="folder for the files that failed")
    chosen = parser.parse_args()
    started = time.monotonic()
    outcomes = run(chosen.count, chosen.seed, chosen.keep)
    print(table(outcomes))
    print(f"seed {chosen.seed}, {time.monotonic() - started:.0f} s")
    return int(any(set(found) - set(GOOD) for found in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
