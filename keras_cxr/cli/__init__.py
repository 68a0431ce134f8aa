"""The command line: parse, call, print.

Exit codes: 0 done, 1 an audit found what --fail-on names or doctor a problem, 2 something that the
user can put right, 130 interrupted with Ctrl-C.
"""

import os
import sys

from cyclopts import App, CycloptsError

from keras_cxr._version import __version__
from keras_cxr.cli.audits import audit
from keras_cxr.cli.common import in_options, print_error
from keras_cxr.cli.exports import export
from keras_cxr.cli.inference import evaluate, explain, merge, predict, segment
from keras_cxr.cli.lists import clear_cache, doctor, list_cache, models
from keras_cxr.cli.runs import demo, study, train
from keras_cxr.errors import KerasCXRError

app = App(
    name="keras-cxr",
    version=__version__,
    help="Audit, train, evaluate and explain chest X-ray classifiers and their data.",
    help_format="markdown",
    help_epilogue="`keras-cxr COMMAND --help` shows each command's options with an example. "
    "`--debug` after any command shows the traceback of an error.",
    suppress_keyboard_interrupt=False,
)
COMMANDS = (
    demo, audit, study, train, evaluate, predict, merge, explain, segment, export, models, doctor,
)  # fmt: skip
for command in COMMANDS:
    app.command(command)
cache = App(name="cache", help="List or clear the cache of decoded images.")
cache.command(list_cache, name="list")
cache.command(clear_cache, name="clear")
app.command(cache)
app.register_install_completion_command(name="--install-completion")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if words[:1] in (["predict"], ["explain"]):  # a lone hyphen would be taken for an option
        words = ["./-" if word == "-" else word for word in words]
    try:
        code = app(words, result_action="return_value", exit_on_error=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has left: nothing more to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except CycloptsError:  # printed already, with what was expected
        return 2
    except KerasCXRError as error:
        if debug:
            raise
        print_error(in_options(str(error)))
        return 2
    return code if isinstance(code, int) else 0
