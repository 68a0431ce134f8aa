"""Whoever annotates code that uses keras-cxr finds every type of a public signature by name."""

import importlib
import inspect
import typing
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

import keras_cxr

ROOMS = (
    "audit", "data", "evaluation", "explain", "exports", "inference", "models", "segmentation",
    "study", "training",
)  # fmt: skip


def modules():
    return {room: importlib.import_module(f"keras_cxr.{room}") for room in ROOMS}


def public_objects():
    for room, module in modules().items():
        for name in module.__all__:
            yield f"{room}.{name}", getattr(module, name)


def own_types(hint: Any) -> Iterator[type]:
    """The project's own classes in an annotation."""
    parts = typing.get_args(hint)
    if not parts and isinstance(hint, list | tuple):  # the arguments of a callable
        parts = tuple(hint)
    for part in parts:
        yield from own_types(part)
    if isinstance(hint, type) and hint.__module__.startswith("keras_cxr") and not parts:
        yield hint


def signatures(value: Any) -> Iterator[Any]:
    """A function, or a class with its public methods and properties."""
    if inspect.isfunction(value):
        yield value
    if inspect.isclass(value):
        yield value
        for name, member in vars(value).items():
            if name == "__call__" or not name.startswith("_"):
                inner = getattr(member, "fget", None) or getattr(member, "__func__", member)
                if inspect.isfunction(inner):
                    yield inner


@pytest.fixture(scope="module")
def exported():
    return {id(value): where for where, value in public_objects()}


def unnamed(value: Any, exported: dict[int, str]) -> set[str]:
    names = {where.partition(".")[2]: one for where, one in public_objects()}
    known = {**names, "keras": keras, "np": np, "pd": pd}  # what files import for type checkers
    return {
        one.__name__
        for signature in signatures(value)
        for name, hint in typing.get_type_hints(signature, localns=known).items()
        if not name.startswith("_")
        for one in own_types(hint)
        if id(one) not in exported
    }


@pytest.mark.parametrize("where", [where for where, _ in public_objects()])
def test_every_type_of_a_public_signature_is_exported(where, exported):
    room, _, name = where.partition(".")
    assert unnamed(getattr(modules()[room], name), exported) == set()


def test_a_type_that_is_not_exported_is_found(exported):
    class Hidden:
        __module__ = "keras_cxr.somewhere"

    def function(data: list[Hidden] | None) -> dict[str, keras_cxr.Datasets]:
        raise NotImplementedError

    function.__annotations__ = {"data": list[Hidden] | None, "return": keras_cxr.Datasets}
    assert unnamed(function, exported) == {"Hidden"}
