"""Commands that use a trained model: evaluate, predict, merge, explain, segment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from cyclopts import Parameter

from keras_cxr._support.quiet import import_keras_quietly, noise_kept_back
from keras_cxr.cli.answers import (
    Wanted,
    answer,
    find_named_files,
    narrow_notes,
    prepare,
    table_lines,
    unusual_line,
)
from keras_cxr.cli.common import (
    AsJson,
    OnError,
    print_aside,
    print_notes,
    print_result,
    report_failed,
)
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from keras_cxr.explain.methods.registry import METHOD_NAMES

if TYPE_CHECKING:
    import pandas as pd

    from keras_cxr.inference import Classifier, ImageFiles

Images = Annotated[Path, Parameter(name="IMAGES", required=True)]
RuntimeName = Literal["keras", "onnx", "litert"]
if TYPE_CHECKING:
    MethodName = str
else:  # one of them; type checkers know lists of quoted names alone
    MethodName = Literal[METHOD_NAMES]


def evaluate(
    model: Path,
    data: Path,
    /,
    *,
    part: Literal["test", "val", "train", "all"] = "test",
    out: Path | None = None,
    on_error: OnError = "raise",
    as_json: AsJson = False,
) -> None:
    """Accuracy, per-class figures and confusion matrix on labelled images.

    The images are read and split as the model's run did; `--part all` takes every image of a
    folder that the model has not seen.

    Example: `keras-cxr evaluate my-run my-xrays`

    Args:
        model: Folder of a run, or a .keras file.
        data: Folder of images in one of the known layouts, or a CSV file.
        part: Part of the split to test on.
        out: Folder for predictions.csv, evaluation.json and the confusion matrix.
        on_error: Stop at bad image files, or leave them out and count them.
        as_json: Print the figures as JSON.
    """
    import_keras_quietly()
    from keras_cxr.runs.single import evaluate_and_report

    result = evaluate_and_report(
        model, data, part=part, out_dir=out, on_error=on_error, say=print_aside
    )
    print_result(result.to_dict(), as_json, str(result))


def predict(
    *images: Images,
    model: Path | None = None,
    out: Path | None = None,
    heatmaps: Path | None = None,
    jsonl: Annotated[bool, Parameter(negative="")] = False,
    shard: str | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    runtime: RuntimeName = "keras",
    precision: Literal["float32", "auto", "mixed_bfloat16"] = "float32",
    as_json: AsJson = False,
) -> int:
    """Class probabilities of image files (PNG, DICOM, ...), and which are no usual X-rays.

    Example: `keras-cxr predict film.png folder-of-films --model my-run --out answers.csv`

    Args:
        images: Image files or folders of them; - reads names from standard input, one a line, or
            NUL-separated. Without --model, the first word is the model where it is one, such as
            `keras-cxr predict my-run film.png`; else a preset answers.
        model: Folder of a run, a .keras file, or a preset, by its folder or its name.
        out: CSV file for the answers; with --jsonl, a .jsonl file that gets them as they come.
        heatmaps: Folder for what `keras-cxr explain` writes of the same files.
        jsonl: Print a JSON object for each file as soon as it is answered.
        shard: Answer for one of n equal shares of the sorted files: 2/5 is the second fifth.
        resume: Go on where an earlier --out file of --jsonl ends.
        runtime: What computes the answers. onnx and litert answer in under two seconds, without
            Keras, once it has made their form of the model.
        precision: Of Keras' numbers; auto takes bfloat16 where the hardware multiplies it, which is
            faster and moves probabilities by about 0.01.
        as_json: Print the answers as JSON.
    """
    wanted = Wanted(out, heatmaps, jsonl=jsonl, shard=shard, resume=resume, json=as_json)
    named = _model_and_files(images, model)
    asked = prepare(named.files, wanted)
    return answer(_load(named, runtime, precision), asked, wanted)


def merge(
    *answers: Annotated[Path, Parameter(name="ANSWERS", required=True)],
    out: Path,
    of: Annotated[tuple[Path, ...], Parameter(consume_multiple=True)] = (),
    as_json: AsJson = False,
) -> int:
    """One file of answers from those of several `predict --jsonl --shard`, a line for each film.

    A film that two files answer is taken once, and an answer goes before an error.

    Example: `keras-cxr merge shard-*.jsonl --out answers.jsonl --of films`

    Args:
        answers: Files of `predict --jsonl --out`.
        out: The file to write.
        of: Image files or folders that should have been answered: those without a line are named.
        as_json: Print the counts as JSON.
    """
    from keras_cxr._support.disk.outputs import check_free_file
    from keras_cxr.inference.answer_lines import BEGINNING, merge_answers

    wanted = find_named_files(of)
    done = merge_answers(answers, check_free_file(out, BEGINNING))
    lost = {
        file: f"{file} has no answer: no file given answers for it."
        for file in sorted({*wanted.files} - {*done.files})
    }
    document = {
        "answers": str(done.path),
        "num_files": len(done.files),
        "num_errors": done.num_errors,
        "num_repeated": done.num_repeated,
        "num_mended": done.num_mended,
        "missing": [str(file) for file in lost],
    }
    text = (
        f"{done.path}: {len(done.files):,} films from {len(answers):,} files, "
        f"{done.num_errors:,} of them with an error"
    )
    print_result(document, as_json, text)
    print_notes(wanted.notes)
    if done.num_repeated or done.num_mended:
        print_aside(
            f"Note: left out {done.num_repeated:,} repeated line(s), and {done.num_mended:,} "
            "error(s) of films that another file answers."
        )
    return report_failed(lost)


def explain(
    *images: Images,
    model: Path | None = None,
    out: Path = Path("heatmaps"),
    method: MethodName = "gradcam",
    layer: str | None = None,
    class_name: str | None = None,
    placement: Literal["receptive_field", "stretch"] | None = None,
    contours: Annotated[bool, Parameter(negative="")] = False,
    check: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
) -> int:
    """Heat maps of image files, with a page that shows them all.

    Example: `keras-cxr explain film.png --model my-run --method gradcam --out heatmaps`

    Args:
        images: Image files or folders of them. Without --model, the first word is the model:
            `keras-cxr explain my-run film.png`.
        model: Folder of a run, a .keras file, or a preset, by its folder or its name.
        out: Folder for one PNG per image, heatmaps.csv and the page, index.html.
        method: How the maps are made. The first five look into a layer, the others at pixels.
        layer: Layer to look into, by name or path such as vgg19/block5_conv4.
        class_name: Class to explain; the predicted one by default.
        placement: Draw each cell of a layer's map where it looks (receptive_field, the default),
            or stretch the map over the image as other libraries do.
        contours: Draw a line round what has half of the largest heat or more.
        check: Also measure what the maps are worth beside maps that do not know the model, on at
            most 64 of the images: about 200 forward passes for each.
        as_json: Print the written files and answers as JSON.
    """
    named = _model_and_files(images, model)
    classifier, found = _load(named), named.files
    from keras_cxr._support.progress import say
    from keras_cxr.heatmap_pages.write import write_heatmaps

    done = write_heatmaps(
        classifier,
        found.files,
        out,
        method=method,
        layer=layer,
        class_name=class_name,
        placement=placement,
        contours=contours,
        check=check,
        say=say,
    )
    document: dict[str, Any] = {
        "heatmaps": done.table.to_dict("records"),
        "gallery": str(done.gallery),
    }
    if done.check is not None:
        document["check"] = done.check.faithfulness.to_dict()
    text = f"{_answers(done.table)}{unusual_line(done.table)}\n{done}"
    print_result(document, as_json, text)
    print_notes((*found.notes, *narrow_notes(done.table)))
    return report_failed(done.failed)


def segment(folder: Path, /, *, out: Path, as_json: AsJson = False) -> int:
    """Lung masks of a folder of chest films, by the network that comes with keras-cxr.

    The masks lie as in the Kaggle database, `CLASS/masks/NAME.png`, or in `masks` where the
    films lie in no class folders. Films on which no lungs can be found get none.

    Example: `keras-cxr segment films --out lung-masks`

    Args:
        folder: Folder of films in one of the known layouts, or without classes.
        out: Folder for the masks and their table, segmentation.csv.
        as_json: Print the table as JSON.
    """
    import_keras_quietly()
    from keras_cxr.inference import segment_folder

    done = segment_folder(folder, out)
    print_result(done.to_dict(), as_json, str(done))
    print_notes(done.notes)
    return report_failed(done.failed)


class _Named(NamedTuple):
    """The model and the image files that a person names.

    Attributes:
        model: its path, or the name of a preset.
        files: the images.
        guessed: what was taken for what, where no option names the model; for its error.
    """

    model: Path
    files: "ImageFiles"
    guessed: str = ""


def _model_and_files(words: tuple[Path, ...], model: Path | None) -> _Named:
    """Return what the words name; without --model the first may be the model."""
    from keras_cxr.inference.places import is_model
    from keras_cxr.inference.preset.places import DEFAULT_PRESET, list_presets

    if model is not None:
        return _Named(model, find_named_files(words))
    first, *images = words
    if is_model(first):
        taken = f"{first} was taken as the model, since --model is not given"
        if not images:
            raise InvalidArgumentError(
                f"There is no image: {taken}. Name an image or a folder too."
            )
        return _Named(first, find_named_files(images), taken)
    try:
        files = find_named_files(words)
    except NotFoundError as error:
        known = ", ".join(list_presets())
        raise type(error)(f"{error}\nNo model is named. Presets: {known}.") from error
    print_aside(
        f"Note: no model is named, so the preset {DEFAULT_PRESET} answers. For research only, no "
        "medical device: test it on films whose findings you know before you believe it."
    )
    return _Named(Path(DEFAULT_PRESET), files)


def _load(named: _Named, runtime: str = "keras", precision: str = "float32") -> "Classifier":
    from keras_cxr.inference.classifier import Classifier
    from keras_cxr.inference.compiled import check_runtime, is_compiled

    check_runtime(runtime, precision)
    try:
        if runtime == "keras":
            import_keras_quietly()
            return Classifier.load(named.model, precision=precision)
        if not is_compiled(named.model, runtime):
            print_aside(f"Note: {named.model} is made ready for {runtime}, which is done once.")
        with noise_kept_back():
            return Classifier.load(named.model, runtime=runtime)
    except (NotFoundError, DataError) as error:
        if not named.guessed:
            raise
        remedy = "Name the model with --model, or as the first word."
        raise type(error)(f"{named.guessed}. {remedy}\n{error}") from error


def _answers(table: "pd.DataFrame") -> str:
    """Return the table's columns that say something, for people."""
    columns = ["file", "predicted", "explained", "probability"]
    if (table["explained"] == table["predicted"]).all():
        columns.remove("explained")
    shown = table[columns]
    if table["no_positive_evidence"].any():
        shown = shown.assign(map=table["no_positive_evidence"].map({True: "empty", False: ""}))
    return table_lines(shown)
