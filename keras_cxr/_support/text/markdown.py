"""Text of other people's, such as names of classes, in a Markdown page: it stays text."""

import re

_ANYWHERE = re.compile(
    r"[\\`*~|$@]|\](?=[(\[:])|(?<=\])[(\[:]|:(?=//)|(?<=www)\.|(?<![^\W_])_|_(?![^\W_])|(?<!\S)#"
)
_AT_START = re.compile(r"[+=-](?=[ +=-]|$)|\[[ xX]\]")
_ORDERED = re.compile(r"\d{1,9}[.)](?= |$)")


def markdown_text(value: object) -> str:
    r"""Return text for one line, a list's item or a table's cell, that Markdown shows as it is.

    No link, picture, heading, emphasis, code, tag, formula or cell begins or ends in it; line ends
    become blanks.

    Args:
        value: shown as `str` has it.

    Examples:
        >>> print(markdown_text("[here](javascript:go) | <b>"))
        [here\]\(javascript:go) \| &lt;b&gt;
    """
    text = " ".join(str(value).split())
    text = _ANYWHERE.sub(lambda found: f"\\{found[0]}", text)
    ordered = _ORDERED.match(text)
    if ordered:
        text = f"{text[: ordered.end() - 1]}\\{text[ordered.end() - 1 :]}"
    elif _AT_START.match(text):
        text = f"\\{text}"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
