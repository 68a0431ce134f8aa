"""Functions in processes of their own that need not import Keras again.

They are forked from a server (`multiprocessing`'s forkserver) that has imported Keras, its backend
and this package and has drawn what audits compare with (`tests/preloaded.py`), but has run nothing
else: each process saves the eight seconds of a core that this takes.
"""

import contextlib
import multiprocessing
import os
import runpy
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.preloaded"])
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Finished:
    """What `subprocess.CompletedProcess` tells; -9 for a process that took too long."""

    returncode: int
    stdout: str
    stderr: str


def run_forked(function, *arguments, cwd, environment=None, timeout=300):
    """Call a function of a module in a process of its own; what it returns is the exit code.

    Args:
        function: such as `keras_cxr.cli.main`.
        *arguments: of the function.
        cwd: the working folder.
        environment: variables that are set in addition.
        timeout: seconds until it is killed.
    """
    with TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("stdout", "stderr")]
        process = _CONTEXT.Process(
            target=_call, args=(function, arguments, os.fspath(cwd), environment or {}, files)
        )
        _start(process)
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
        return Finished(process.exitcode, *(one.read_text(errors="replace") for one in files))


def run_script(path, *arguments, **options):
    """Run a script as `python PATH` would, with `run_forked`'s options."""
    return run_forked(_run_script, str(path), arguments, **options)


class Running:
    """A script in a process of its own that goes on; see `started_script`."""

    def __init__(self, process, stderr):
        self.process, self._stderr = process, stderr

    @property
    def stderr(self):
        """What it has written there until now."""
        return self._stderr.read_text(errors="replace") if self._stderr.exists() else ""

    def wait_for(self, words, timeout=300):
        """Wait until it has written these words, which must come."""
        deadline = time.monotonic() + timeout
        while words not in self.stderr:
            alive = self.process.exitcode is None and time.monotonic() < deadline
            assert alive or words in self.stderr, f"{words!r} did not come:\n{self.stderr}"
            time.sleep(0.05)


@contextlib.contextmanager
def started_script(path, *arguments, cwd):
    """Start a script as `python PATH` would; when the block ends it is gone."""
    with TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("stdout", "stderr")]
        call = (_run_script, (str(path), arguments), os.fspath(cwd), {}, files)
        process = _CONTEXT.Process(target=_call, args=call)
        _start(process)
        try:
            yield Running(process, files[1])
        finally:
            process.kill()
            process.join()


def run_module(name, *arguments, **options):
    """Run a module as `python -m NAME` would, with `run_forked`'s options."""
    return run_forked(_run_module, name, arguments, **options)


def _start(process):
    with contextlib.chdir(_ROOT):  # where the server, which the first process starts, finds `tests`
        process.start()


def _call(function, arguments, cwd, environment, files):
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), number)
    if "coverage" in sys.modules and (measured := sys.modules["coverage"].Coverage.current()):
        measured.stop()  # it follows `multiprocessing`, and would cost these a third of their time
    os.chdir(cwd)
    os.environ.update(environment)
    warnings.resetwarnings()
    sys.exit(function(*arguments))


def _run_script(path, arguments):
    sys.argv = [path, *map(str, arguments)]
    sys.path.insert(0, str(Path(path).parent))
    runpy.run_path(path, run_name="__main__")


def _run_module(name, arguments):
    sys.argv = [name, *map(str, arguments)]
    runpy.run_module(name, run_name="__main__", alter_sys=True)
