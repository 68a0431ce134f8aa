"""What the benchmarks share: contestants that take turns, tables, JSON files, test images."""

import argparse
import inspect
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_cxr._support.disk.outputs import Output, check_free

SCHEMA_VERSION = 1
IMAGE_SIDE = 299  # pixels, as in the COVID-19 Radiography Database
DISTINCT_PHANTOMS = 400

Measure = Callable[[], float]


@dataclass(frozen=True)
class Options:
    """How a benchmark is run.

    Attributes:
        smoke: as small as possible: whether it runs and gives finite figures, not how fast.
        work: folder for test images and caches.
    """

    smoke: bool
    work: Path

    def size(self, full: int, smoke: int) -> int:
        """A number for the whole run or for the smoke run."""
        return smoke if self.smoke else full

    @property
    def side(self) -> int:
        """The models' images in pixels: the study's size, or for smoke LMAP3's smallest."""
        return self.size(224, 94)


@dataclass
class Report:
    """Measurements of one benchmark, and how its contestants compare.

    Attributes:
        name: of the module.
        title: what was measured, in a line.
        rows: a dictionary per contestant, in one unit.
        ratios: what is claimed: each with the median over the rounds, its range and the goal.
        notes: what a reader must know besides.
        tables: Markdown, for what is not one figure for each contestant.
        results: whatever else belongs into the JSON file.
    """

    name: str
    title: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    ratios: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)

    def add(self, contestant: str, values: list[float], unit: str) -> None:
        """Note what a contestant reached in each round."""
        self.rows.append(
            {
                "contestant": contestant,
                "median": statistics.median(values),
                "lowest": min(values),
                "highest": max(values),
                "unit": unit,
                "rounds": values,
            }
        )

    def compare(self, claim: str, values: list[float], others: list[float], goal: str) -> None:
        """Note `values / others`, round by round: both were measured in turn."""
        ratios = [one / other for one, other in zip(values, others, strict=True)]
        self.ratios.append(
            {
                "claim": claim,
                "ratio": statistics.median(ratios),
                "lowest": min(ratios),
                "highest": max(ratios),
                "goal": goal,
            }
        )

    def __str__(self) -> str:
        lines = [
            f"## {self.title}",
            "",
            "| Contestant | Median | Range | Unit |",
            "|---|---|---|---|",
        ]
        for row in self.rows:
            span = f"{_number(row['lowest'])} to {_number(row['highest'])}"
            lines.append(
                f"| {row['contestant']} | {_number(row['median'])} | {span} | {row['unit']} |"
            )
        if self.ratios:
            lines += ["", "| Ratio | Median | Range | Goal |", "|---|---|---|---|"]
        for ratio in self.ratios:
            span = f"{ratio['lowest']:.2f} to {ratio['highest']:.2f}"
            lines.append(f"| {ratio['claim']} | {ratio['ratio']:.2f} | {span} | {ratio['goal']} |")
        for table in self.tables:
            lines += ["", table]
        return "\n".join([*lines, "", *self.notes])

    def save(self, folder: Path, *, load: tuple[float, float]) -> Path:
        """Write `NAME.json`: every figure, the machine and its load before and after."""
        from keras_cxr.runs.saving import describe_machine

        path = folder / f"{self.name}.json"
        folder.mkdir(parents=True, exist_ok=True)
        document = {
            "schema_version": SCHEMA_VERSION,
            **self.__dict__,
            "machine": describe_machine(),
            "load_before_and_after": load,
        }
        path.write_text(json.dumps(document, indent=1) + "\n")
        return path


def alternate(contestants: dict[str, Measure], *, rounds: int) -> dict[str, list[float]]:
    """What each contestant reached in each round, all of them taking turns.

    Every second round runs in the opposite order, so that no one always follows the same other.
    """
    values: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        order = list(contestants)
        for name in order if number % 2 == 0 else reversed(order):
            values[name].append(contestants[name]())
    return values


def phantom_folder(options: Options, count: int) -> Path:
    """A folder of that many chest X-rays in four classes, drawn by keras-cxr, 299 pixels a side.

    A few hundred are drawn; further ones are links to the same files under other names, which
    costs readers as much as other files.
    """
    from keras_cxr import make_phantoms

    per_class = count // 4
    side = options.size(IMAGE_SIDE, 128)
    drawn = min(per_class, options.size(DISTINCT_PHANTOMS, 24) // 4)
    source = make_phantoms(
        options.work / f"drawn-{drawn}",
        images_per_class=drawn,
        image_size=side,
    )
    folder = options.work / f"phantoms-{count}"
    if folder.exists():
        return folder
    for name in sorted(path.name for path in source.iterdir() if path.is_dir()):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            file = source / name / "images" / f"{name}-{number % drawn + 1}.png"
            os.link(file, folder / name / f"{number:06d}.png")
    return folder


@contextmanager
def private_cache() -> Iterator[Path]:
    """An empty folder for keras-cxr's image cache."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def parse_arguments(description: str | None) -> argparse.Namespace:
    """The options that every benchmark takes, alone or with the others."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--smoke", action="store_true", help="as small as possible")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks"), help="for JSON")
    return parser.parse_args()


def main(run: Callable[[Options], Report]) -> None:
    """The command line of one benchmark."""
    chosen = parse_arguments(run.__doc__)
    name = Path(inspect.getfile(run)).stem
    sign = f'"name": "{name}"'.encode()
    check_free(chosen.out, Output("this benchmark", (f"{name}.json",), {f"{name}.json": sign}))
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as work:
        report = run(Options(chosen.smoke, Path(work)))
    path = report.save(chosen.out, load=(before, os.getloadavg()[0]))
    print(f"{report}\nWritten to {path}", flush=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
