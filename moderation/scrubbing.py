"""Taking what may be about a person out of words that leave the house.

A second line of defence: what is published is made of fixed sentences and of names that administrators gave.
"""

import re
from collections.abc import Iterable

REMOVED = "[removed]"
_SHORTEST_NAME = 3

_PATTERNS = (
    re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://\S+", re.IGNORECASE),  # links of any scheme
    re.compile(r"\bwww\.\S+", re.IGNORECASE),
    re.compile(r"[^\s@<>()\[\]\"',;:]+@[^\s@<>()\[\]\"',;:]+\.\w{2,}"),  # e-mail
    re.compile(r"(?<![\w@])@[\w.-]{2,}"),  # handles
    re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"),  # IPv4
    re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE),  # IPv6
    re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b"),  # IBAN
    re.compile(r"(?<!\w)\+?\(?\d(?:[\s()./-]{0,2}\d){5,}(?!\w)"),  # telephone, card and other long numbers
)


def scrub(text: str, *, names: Iterable[str] = ()) -> str:
    """The text without links, addresses, handles and long numbers, and without any of ``names``.

    Names (account ids, user names) of three characters and more are found as whole words in any case.
    """
    longest_first = sorted({name for name in names if len(name) >= _SHORTEST_NAME}, key=len, reverse=True)
    for name in longest_first:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", REMOVED, text, flags=re.IGNORECASE)
    for pattern in _PATTERNS:
        text = pattern.sub(REMOVED, text)
    return text
