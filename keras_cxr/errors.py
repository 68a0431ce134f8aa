"""The errors that keras-cxr raises for what a user can put right.

Each is also one of Python's own kinds, so `except ValueError` goes on working, and the
command line prints their text without a traceback.
"""


class KerasCXRError(Exception):
    """Base of every error that names a file or an argument and what to do."""


class InvalidArgumentError(KerasCXRError, ValueError):
    """An argument has a value that cannot work."""


class NotFoundError(KerasCXRError, FileNotFoundError):
    """A file or folder that was named does not exist."""


class DataError(KerasCXRError, ValueError):
    """The images, masks or labels cannot be used as they are."""


class WeightsUnavailableError(KerasCXRError, OSError):
    """Pretrained weights are neither on disk nor reachable."""


class OutputError(KerasCXRError, OSError):
    """A result cannot be written where it was asked for."""


class ForkError(KerasCXRError, RuntimeError):
    """A forked process asks a model that its parent has run before."""


class TrainingError(KerasCXRError, RuntimeError):
    """Training cannot start, resume or go on; the text says why and what to do."""


class BackendError(KerasCXRError, ImportError):
    """Keras' backend, chosen by KERAS_BACKEND or its configuration, cannot be loaded."""


class MissingExtraError(KerasCXRError, ImportError):
    """A package of one of this package's extras is needed and not installed."""


class ExportError(KerasCXRError, RuntimeError):
    """A model cannot be written in a format, or does not answer there as it does in Keras."""
