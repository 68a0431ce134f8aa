import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from keras_cxr._support.text.markdown import markdown_text

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PIECES = st.sampled_from(
    [
        "[x]",
        "(javascript:a)",
        "[y]:/z",
        "`",
        "``",
        "*",
        "**",
        "_",
        "__",
        "~~",
        "|",
        "<b>",
        "<",
        ">",
        "===",
        "---",
        "\\",
        "&lt;",
        "&#91;",
        "![",
        "![a](b)",
        "$x$",
        "a_b",
        "http://a.b",
        "www.a.b",
        "a@b.c",
        "Lung_Opacity",
        "<script>",
        "<!--",
        "[x][y]",
        ":--",
        "a",
        "#",
        "-",
        "+",
        "1.",
        "12)",
        "0.72",
        " ",
        "\n",
        "\t",
        "    ",
        "# ",
        "- ",
        "+ ",
        "1. ",
        "12) ",
        "> ",
        "[ ] ",
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=6).map("".join)


def words(text):
    return " ".join(text.split())


def shown(tokens: list[Token]) -> str:
    return "".join(
        token.content for token in tokens if token.type in ("text", "text_special", "softbreak")
    )


@settings(max_examples=150)
@given(TEXTS)
@example("[x](javascript:alert(1))")
@example("![x](y)")
@example("[x]: javascript:a")
@example("a\n\n# b")
@example("`a|b`")
@example("<script>")
@example("# #")
@example("__a__")
@example("\0")
def test_any_text_is_shown_as_it_is(text):
    safe = markdown_text(text)
    expected = words(text).replace("\0", "\N{REPLACEMENT CHARACTER}")  # as CommonMark asks
    assume(expected)
    page = f"- {safe}\n\n| a | b |\n|---|---|\n| {safe} | end |\n\n{safe} (after)\n\n# {safe}\n"
    lines = [token for token in READER.parse(page) if token.type == "inline"]
    kinds = {child.type for line in lines for child in line.children}
    assert kinds <= {"text", "text_special"}
    found = [words(shown(line.children)) for line in lines]
    after = words(f"{expected} (after)")
    assert found == [expected, "a", "b", expected, "end", after, expected]


@pytest.mark.parametrize(
    "text", ["0.72 [0.70, 0.74] of 1,000 images", "Lung_Opacity", "Viral Pneumonia"]
)
def test_usual_text_is_left_alone(text):
    assert markdown_text(text) == text


@pytest.mark.parametrize("text", ["https://a.b/c", "www.a.b", "x@y.org"])
def test_addresses_are_no_links_where_pages_make_them_so(text):
    assert not re.search(r"(?<!\\)://|www\.|(?<!\\)@", markdown_text(text))
