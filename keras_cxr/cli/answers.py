"""What `keras-cxr predict` does with a model and files: tables, lines of JSON, heat maps."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from keras_cxr._support.quiet import import_keras_quietly
from keras_cxr.cli.common import print_notes, print_result, print_text, report_failed
from keras_cxr.errors import InvalidArgumentError, OutputError

if TYPE_CHECKING:
    import pandas as pd

    from keras_cxr.inference import Classifier, ImageFiles

_NAMED = 5  # files in a line of a terminal
_ROWS = 40  # of a table in a terminal
_LINES = ".jsonl"


@dataclass(frozen=True)
class Wanted:
    """The options of `keras-cxr predict`, by their names there."""

    out: Path | None
    heatmaps: Path | None
    jsonl: bool
    shard: str | None
    resume: bool
    json: bool


class Asked(NamedTuple):
    """What is to be answered for, and where the answers go.

    Attributes:
        files: the images.
        notes: of the search for them.
        out: the file for the answers; None prints them.
    """

    files: list[Path]
    notes: tuple[str, ...]
    out: Path | None


def prepare(found: "ImageFiles", wanted: Wanted) -> Asked:
    """Refuse what cannot work before a model is loaded, which takes seconds; take the shard."""
    from keras_cxr._support.disk.outputs import PREDICTIONS, check_free_file
    from keras_cxr.inference.answer_lines import BEGINNING, take_shard

    _check(wanted)
    files = list(found.files)
    if wanted.shard is not None:
        files = take_shard(sorted(set(files)), wanted.shard)
    if wanted.heatmaps is not None:
        import_keras_quietly()
        from keras_cxr.heatmap_pages.write import check_heatmap_folder

        check_heatmap_folder(list(dict.fromkeys(files)), wanted.heatmaps)
    kind = BEGINNING if wanted.jsonl else PREDICTIONS
    out = None if wanted.out is None else check_free_file(wanted.out, kind)
    return Asked(files, found.notes, out)


def answer(classifier: "Classifier", asked: Asked, wanted: Wanted) -> int:
    """Answer for files and print or write it; the exit code."""
    from keras_cxr._support.disk.files import write_whole
    from keras_cxr._support.text.csv_cells import csv_text

    notes = [*asked.notes, *classifier.notes]
    if wanted.jsonl:
        failed = _answer_in_lines(classifier, asked, notes, resume=wanted.resume)
    else:
        table, failed = classifier.predict_files(asked.files)
        if asked.out is not None:
            write_whole(asked.out, csv_text(table))
        shown = table.drop(columns=["unusual_score", "narrow"], errors="ignore")
        document = {"predictions": table.to_dict("records")}
        print_result(document, wanted.json, table_lines(shown) + unusual_line(table))
        notes += narrow_notes(table)
    if wanted.heatmaps is not None:
        from keras_cxr.heatmap_pages.write import write_heatmaps

        done = write_heatmaps(classifier, asked.files, wanted.heatmaps)
        notes.append(f"the heat maps are shown by {done.gallery}")
    print_notes(notes)
    return report_failed(failed)


def _check(wanted: Wanted) -> None:
    is_lines = wanted.out is not None and wanted.out.suffix.lower() == _LINES
    if wanted.jsonl and wanted.json:
        raise InvalidArgumentError("--json and --jsonl are two forms of the answers: pass one.")
    if wanted.jsonl and wanted.out is not None and not is_lines:
        raise InvalidArgumentError(
            f"With --jsonl, --out is a file such as answers.jsonl; received {wanted.out}."
        )
    if is_lines and not wanted.jsonl:
        raise InvalidArgumentError(
            f"--out {wanted.out} is no CSV file: add --jsonl, or name it .csv."
        )
    if wanted.resume and not (wanted.jsonl and is_lines):
        raise InvalidArgumentError(
            "--resume goes on in a file of --jsonl: add --jsonl --out answers.jsonl."
        )


def _answer_in_lines(
    classifier: "Classifier", asked: Asked, notes: list[str], *, resume: bool
) -> dict[Path, str]:
    """Print or write a line for each file as it comes; the files that could not be read."""
    from keras_cxr.evaluation.ood_file import weights_digest
    from keras_cxr.inference.answer_lines import cut_torn_line, lines_of, read_answers

    digest = weights_digest(classifier.model)
    files, target = asked.files, asked.out
    if target is not None and resume and target.exists():
        held = read_answers(target, digest)
        cut_torn_line(target, held)
        left = [file for file in files if str(file) not in held.files]
        notes.append(
            f"{len(files) - len(left):,} of {len(files):,} files are in {target} already and were "
            f"not answered again; {held.num_errors:,} of its lines are errors"
            + ("; its last line was cut off and is dropped" if held.is_torn else "")
        )
        files = left
    failed: dict[Path, str] = {}
    with _opened(target, "a" if resume else "w") as stream:
        for part in classifier.stream(files):
            failed |= {Path(name): reason for name, reason in part.failed.items()}
            for line in lines_of(part, digest):
                print_text(line, stream)
            stream.flush()
    return failed


@contextmanager
def _opened(path: Path | None, mode: str) -> Iterator[IO[str]]:
    """Yield a file to write to, standard output where there is none."""
    if path is None:
        yield sys.stdout
        return
    try:
        with path.open(mode, encoding="utf-8") as stream:
            yield stream
    except OSError as error:
        raise OutputError(
            f"Cannot write {path} ({error.strerror or error}). The lines before are kept; with "
            "--resume the work goes on there."
        ) from error


def find_named_files(words: Iterable[Path]) -> "ImageFiles":
    """Return the image files among words, for `-` those that standard input names.

    What standard input names and is not there ends nothing: reading it says so.
    """
    from keras_cxr.inference.image_files import ImageFiles, find_image_files

    files: list[Path] = []
    notes: list[str] = []
    for word in words:
        is_input = str(word) == "-"
        names = _names_on_input() if is_input else [word]
        found = find_image_files(names, keep_missing=is_input)
        files += found.files
        notes += found.notes
    return ImageFiles(tuple(files), tuple(notes))


def _names_on_input() -> list[Path]:
    """Return the names on standard input: NUL-separated where NUL occurs, else one a line."""
    given = sys.stdin.buffer.read()
    names = given.split(b"\0") if b"\0" in given else given.splitlines()
    return [Path(os.fsdecode(name)) for name in names if name]


def narrow_notes(table: "pd.DataFrame") -> list[str]:
    """Return a note that counts films which use little of their range; or none."""
    from keras_cxr.data.files.intensity import describe_narrow

    files = list(table["file"][table["narrow"]]) if "narrow" in table else []
    remedy = 'a model that was trained with intensity="percentiles" spreads each film\'s own range'
    return [describe_narrow(files, len(table), remedy)] if files else []


def unusual_line(table: "pd.DataFrame") -> str:
    """Return a line that names the first pictures unlike the training images; or nothing."""
    found = list(table["file"][table["unusual"]]) if "unusual" in table else []
    if not found:
        return ""
    named = ", ".join(found[:_NAMED])
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return (
        f"\n\n{len(found):,} of {len(table):,} pictures are not like those the model was trained "
        f"on: {named}{more}"
    )


def table_lines(table: "pd.DataFrame") -> str:
    """Return a table for people: its first rows, and how many more there are."""
    from keras_cxr._support.text.terminal import table_text

    if not len(table):
        return "No image could be read."
    more = f"\n… and {len(table) - _ROWS:,} more: --out writes all" if len(table) > _ROWS else ""
    return table_text(table.head(_ROWS)) + more
