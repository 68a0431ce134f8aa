"""How an audit asks: each question stands at the field of the result that holds its answer.

A result such as `DataAudit` is a dataclass, and its fields are the table of questions:

    leaks: tuple[Leak, ...] = field(metadata=question("what splits leak", ask_leaks))

`ask_leaks` takes what is audited and returns an `Outcome`. An audit asks its questions in the order
of the fields, and so its findings are read in that order.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from keras_cxr._support.progress import Say
from keras_cxr.audit.findings import Finding


class Outcome(NamedTuple):
    """What came of one question.

    Attributes:
        value: what the result's field holds; None where it could not be measured.
        findings: the same in sentences.
        notes: what is worth knowing besides, such as why it could not be measured.
    """

    value: Any
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def measured(result: Any) -> Outcome:
    """Return the outcome of a result that holds its own findings and, where it has any, notes."""
    return Outcome(result, result.findings, getattr(result, "notes", ()))


def not_measured(what: str, why: object) -> Outcome:
    """Return the outcome of a question that this model or its data cannot answer.

    Args:
        what: what is not known, such as "heat in the lungs".
        why: the reason, which ends with a full stop.
    """
    return Outcome(None, notes=(f"Not measured: {what}, since {why}",))


class Question(NamedTuple):
    """One question of an audit.

    Attributes:
        title: what is said while it is answered; "" where that takes no time.
        ask: takes what is audited.
    """

    title: str
    ask: Callable[[Any], Outcome]


def question(title: str, ask: Callable[[Any], Outcome]) -> dict[str, Question]:
    """Return the `metadata` of a dataclass' field that holds the answer to a question."""
    return {"question": Question(title, ask)}


def questions_of(result: Any) -> dict[str, Question]:
    """Return the questions of a result's class by the names of its fields."""
    return {
        one.name: one.metadata["question"] for one in fields(result) if "question" in one.metadata
    }


def ask_all(questions: Mapping[str, Question], subject: Any, *, say: Say) -> dict[str, Outcome]:
    """Return the outcome of each question by its name.

    Args:
        questions: the questions, in the order in which they are asked.
        subject: what is audited.
        say: called with each question's title before it is asked.
    """
    outcomes = {}
    for name, (title, ask) in questions.items():
        if title:
            say(title)
        outcomes[name] = ask(subject)
    return outcomes


def all_notes(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """Return the notes of several outcomes, each once."""
    return tuple(dict.fromkeys(note for outcome in outcomes for note in outcome.notes))
