"""Questions at the fields of a result."""

from dataclasses import dataclass, field

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.outcomes import (
    Outcome,
    all_notes,
    ask_all,
    measured,
    not_measured,
    question,
    questions_of,
)


def ask_length(subject):
    return Outcome(len(subject), (Finding("length", f"It has {len(subject)}.", len(subject)),))


def ask_first(subject):
    return Outcome(subject[0]) if subject else not_measured("the first", "there is none.")


@dataclass(frozen=True)
class Result:
    name: str
    length: int = field(metadata=question("length", ask_length))
    note: str
    first: str | None = field(metadata=question("", ask_first))


def test_fields_with_a_question_are_asked_in_their_order():
    said = []
    outcomes = ask_all(questions_of(Result), "ab", say=said.append)
    assert list(outcomes) == ["length", "first"]
    assert {name: outcome.value for name, outcome in outcomes.items()} == {
        "length": 2,
        "first": "a",
    }
    assert said == ["length"]  # what takes no time is not announced
    assert [str(one) for one in outcomes["length"].findings] == ["It has 2."]


def test_what_was_not_measured_says_so_once():
    outcomes = ask_all(questions_of(Result), "", say=lambda title: None)
    assert outcomes["first"].value is None
    notes = all_notes([*outcomes.values(), *outcomes.values()])
    assert notes == ("Not measured: the first, since there is none.",)


def test_a_results_own_findings_and_notes_are_taken_over():
    class Held:
        findings = (Finding("held", "Held."),)

    class Noted(Held):
        notes = ("one image was left out",)

    assert measured(Held()).notes == ()
    found = Noted()
    assert measured(found) == Outcome(found, Held.findings, Noted.notes)
