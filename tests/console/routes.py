"""Addresses of routes, for tests that walk all of them."""

import re

_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


def filled(route: str, *, number: int, **known: object) -> str:
    """The route filled in: parameters by name where known, else numbers by ``number`` and words by "nowhere"."""
    return _PARAMETER.sub(lambda found: str(known.get(found[2], number if found[1] == "int" else "nowhere")), route)
