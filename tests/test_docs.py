"""Every code block in README and docs runs, page by page, in an empty folder."""

import ast
import contextlib
import dataclasses
import inspect
import io
import itertools
import multiprocessing
import os
import re
import shlex
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from keras_cxr.cli import main
from tests.forked import run_forked

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LANGUAGES = ("console", "csv", "python", "sh", "text")
# On the line before a block: not to be run, and why; or the output of the block before it.
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>\S.{5,}) -->")
OUTPUT = "<!-- output -->"
SHELL_SIGNS = set("|<>&;$*?")


@dataclass(frozen=True)
class Block:
    """One fenced block: where its code begins, and the line before its fence."""

    page: str
    line: int
    language: str
    code: str
    before: str

    @property
    def is_run(self):
        return self.language in ("console", "python", "sh") and not NOT_RUN.fullmatch(self.before)

    @property
    def shell(self):
        """The code for bash: of a console block what stands behind the prompts."""
        if self.language == "sh":
            return self.code
        lines = self.code.splitlines()
        return "\n".join(line.removeprefix("$ ") for line in lines if line.startswith("$ "))


def read_blocks(page):
    """The page's blocks from top to bottom; indented ones (in lists, admonitions) too."""
    blocks, lines = [], page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        fence = re.fullmatch(r"( *)```(\w*).*", lines[number])
        if fence:
            first = number + 1
            close = f"{fence[1]}```"
            number = next(i for i in range(first, len(lines)) if lines[i].rstrip() == close)
            code = "\n".join(line.removeprefix(fence[1]) for line in lines[first:number])
            before = lines[first - 2].strip() if first > 1 else ""
            blocks.append(Block(page.name, first + 1, fence[2], code + "\n", before))
        number += 1
    return blocks


def statements(code):
    """The block's statements, each with its lines; a here-document belongs to its command."""
    lines = code.replace("\\\n", " ").splitlines()
    while lines:
        one = [lines.pop(0)]
        if end := re.search(r"<<(\w+)", one[0]):
            while one[-1] != end[1]:
                one.append(lines.pop(0))
        yield "\n".join(one)


def run_shell(code, desk):
    """Run a block's commands; ours without a shell, by `serve`, where nothing asks for one."""
    stdout = stderr = ""
    for ours, some in itertools.groupby(
        statements(code),
        lambda one: desk is not None and one[:10] == "keras-cxr " and not set(one) & SHELL_SIGNS,
    ):
        for one in list(some) if ours else ["\n".join(some)]:
            if ours:
                desk.send((shlex.split(one, comments=True)[1:], Path.cwd()))
                done = desk.recv()
            else:
                done = subprocess.run(
                    ["bash", "-e", "-c", one], capture_output=True, text=True, check=False
                )
            stdout, stderr = stdout + done.stdout, stderr + done.stderr
            if done.returncode:
                return subprocess.CompletedProcess(code, done.returncode, stdout, stderr)
    return subprocess.CompletedProcess(code, 0, stdout, stderr)


def serve(desk, environment):
    """Run the commands that a page asks for, until it has ended.

    This process has the server of `tests.forked`; one that the page's process started for itself
    would import Keras again.
    """
    with contextlib.suppress(EOFError):
        while True:
            words, folder = desk.recv()
            desk.send(run_forked(main, words, cwd=folder, environment=environment))


def run_page(page, desk=None):
    """Run the page's blocks in the working folder; raise at the first that fails."""
    names = {"__name__": "__main__"}
    printed = ""
    for block in read_blocks(page):
        if block.before == OUTPUT:
            check_output(block, printed)
        if not block.is_run:
            continue
        print(f"--- {block.page}:{block.line}", flush=True)
        caught = io.StringIO()
        if block.language == "python":
            # empty lines in front, so that a traceback names the page's line
            code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
            with contextlib.redirect_stdout(caught):
                exec(code, names)
        else:
            done = run_shell(block.shell, desk)
            caught.write(done.stdout)
            if done.returncode:
                print(done.stdout, done.stderr)
                raise SystemExit(f"{block.page}:{block.line} ended with {done.returncode}")
        printed = caught.getvalue()
        print(printed, flush=True)


def check_output(block, printed):
    expected, found = (
        [line.rstrip() for line in text.strip("\n").splitlines()] for text in (block.code, printed)
    )
    if expected != found:
        raise SystemExit(f"{block.page}:{block.line} shows another output than\n{printed}")


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.is_run for block in read_blocks(page))],
    ids=lambda page: page.name,
)
def test_blocks_run(page, tmp_path):
    folder = tmp_path / "reader"
    folder.mkdir()
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "KERAS_CXR_CACHE": str(tmp_path / "cache"),
    }
    ours, theirs = multiprocessing.Pipe()
    server = threading.Thread(target=serve, args=(ours, environment))
    server.start()
    done = run_forked(run_page, page, theirs, cwd=folder, environment=environment)
    theirs.close()
    server.join()
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_parse(page):
    for block in read_blocks(page):
        where = f"{block.page}:{block.line}"
        assert block.language in LANGUAGES, f"{where}: language {block.language!r}"
        if "not run" in block.before:
            assert NOT_RUN.fullmatch(block.before), f"{where}: give a reason"
        if block.language == "python":
            ast.parse(block.code)
        elif block.language in ("console", "sh"):
            assert block.shell.strip(), f"{where}: no command"
            done = subprocess.run(
                ["bash", "-n", "-c", block.shell], capture_output=True, text=True, check=False
            )
            assert not done.stderr, f"{where}: {done.stderr}"


def test_a_wrong_block_fails(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n\n```python\nprint(1)\n```\n\n```python\nraise ValueError('no')\n```\n"
    )
    done = run_forked(run_page, page, cwd=tmp_path)
    assert done.returncode != 0
    assert 'page.md", line 8' in done.stderr
    page.write_text("```sh\nfalse\ntrue\n```\n")
    with pytest.raises(SystemExit, match=r"page\.md:2 ended with 1"):
        run_page(page)
    page.write_text(f"```python\nprint(1)\n```\n\n{OUTPUT}\n```text\n2\n```\n")
    with pytest.raises(SystemExit, match=r"page\.md:7 shows another output"):
        run_page(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_exist(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_files_that_are_named_exist(page):
    folders = [ROOT / name for name in ("benchmarks", "docs", "examples", "keras_cxr", "tests")]
    there = [path.relative_to(ROOT).as_posix() for one in folders for path in one.rglob("*.*")]
    for name in re.findall(r"`([\w/]+\.(?:py|j2|css))`", (ROOT / page).read_text(encoding="utf-8")):
        if not name.endswith("NAME.py"):
            assert any(f"/{path}".endswith(f"/{name}") for path in there), f"{page} names {name}"


def test_model_tables_are_those_of_the_builders():
    import keras_cxr
    from keras_cxr.models import model_info

    page = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    for name in keras_cxr.list_models():
        random = {"weights": None} if model_info(name).takes_weights else {}
        model = keras_cxr.build(name, **random)
        rows = [
            f"| {type(layer).__name__} | {_size(layer.output.shape[1:])} | "
            f"{layer.count_params():,} |"
            for layer in model.layers[1:]  # the input is no row
        ]
        assert "\n".join(rows) in page, f"docs/models.md lacks the table of {name}:\n" + "\n".join(
            rows
        )
        assert f"{model.count_params():,}" in page


def _size(shape):
    return " \u00d7 ".join(f"{length:,}" for length in shape)


def test_study_table_is_that_of_the_experiments():
    from keras_cxr.study import EXPERIMENTS

    page = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    for row in EXPERIMENTS.values():
        if row.recipe != "study":
            continue
        line = f"| {row.key} | {row.title} | {row.study_accuracy:.2f} | {row.study_seconds:.1f} |"
        assert line in page, line


def options_of(command):
    """The names of a command's options, those of shared groups of options too."""
    for option in inspect.signature(command).parameters.values():
        if option.kind is option.KEYWORD_ONLY:
            group = type(option.default)
            fields = dataclasses.fields(group) if dataclasses.is_dataclass(group) else [option]
            yield from (field.name for field in fields)


def test_every_command_and_option_is_described():
    from keras_cxr.cli import app

    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert "split_by" in options_of(app["study"].default_command)
    for name in app:
        if name.startswith("-"):
            continue
        assert f"keras-cxr {name}" in page
        command = app[name].default_command
        for option in options_of(command) if command else ():
            flag = "json" if option == "as_json" else option.replace("_", "-")
            assert f"`--{flag}" in page, f"docs/cli.md does not describe {name} --{flag}"


def test_api_page_names_all_public_names():
    import importlib

    pages = [
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("docs/api.md", "docs/gradcam.md", "docs/models.md")
    ]
    lines = {line for page in pages for line in page.splitlines()}
    for room in (
        "audit", "data", "evaluation", "explain", "exports", "inference", "models", "segmentation",
        "study",
        "training",
    ):  # fmt: skip
        for name in importlib.import_module(f"keras_cxr.{room}").__all__:
            # the page's tool finds what a table imports, networks and methods, by its file alone
            assert any(
                re.fullmatch(rf"::: keras_cxr\.{room}\.([\w.]+\.)?{name}", line) for line in lines
            ), f"no page describes {room}.{name}"
