"""Links in a text: their hosts, and which domain someone has registered.

Public suffixes (``co.uk``, ``github.io``) come from the list of publicsuffix.org in the copy that the
``publicsuffixlist`` package carries; nothing is fetched.
"""

import ipaddress
import re
from functools import cache

from publicsuffixlist import PublicSuffixList

from moderation.errors import InvalidInput

LONGEST_DOMAIN = 253
# A host at the start of a link, or one that stands alone with a known ending. Ideographic full stops count as dots.
_LINK = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]{1,9})://|//)(?:[^\s/?#@]{0,200}@)?(?P<host>\[[0-9a-f:.]+\]|[^\s/?#:@<>\"'()\[\]{},;\\]+)"
    r"|(?<![\w@./-])(?P<bare>(?:[\w-]{1,63}[.。．｡])+[^\W\d_](?:[\w-]{0,61}\w)?)",
    re.IGNORECASE,
)
_DOTS = re.compile("[。．｡]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def domains(text: str) -> frozenset[str]:
    """The domains of the text's links: each host, and its parents down to the registrable domain.

    A host without a scheme counts where it ends in a known public suffix or begins with ``www.``.
    """
    found: set[str] = set()
    for match in _LINK.finditer(text):
        bare = match["bare"]
        host = _ascii(bare or match["host"])
        if host is None or (bare and not _is_address(host)):
            continue
        found.update(_with_parents(host))
    return frozenset(found)


def domain(value: str) -> str:
    """A domain as it is compared: ASCII, lower case, without ``www.``.

    Raises ``InvalidInput`` for what is no domain, and for a public suffix, which would stand for all under it.
    """
    host = _ascii(value.strip())
    if host is None or not _is_host(host):
        raise InvalidInput("A domain is a name such as scam.example, without path or scheme.")
    host = host.removeprefix("www.")
    if not _is_ip(host) and _suffixes().publicsuffix(host, accept_unknown=True) == host:
        raise InvalidInput(f"{host} is a public suffix: it would stand for everybody who has a domain under it.")
    return host


def _with_parents(host: str) -> list[str]:
    if _is_ip(host):
        return [host]
    registrable = _suffixes().privatesuffix(host, accept_unknown=True)
    if registrable is None:
        return []
    labels, shortest = host.split("."), registrable.count(".") + 1
    return [".".join(labels[n:]) for n in range(len(labels) - shortest + 1)]


def _is_address(bare: str) -> bool:
    """Whether words joined by a dot are meant as an address."""
    return bare.startswith("www.") or _suffixes().privatesuffix(bare, accept_unknown=False) is not None


def _ascii(host: str) -> str | None:
    """The host as the network knows it; nothing if it cannot be one."""
    host = _DOTS.sub(".", host).strip(".").lower()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    return host if _is_host(host) else None


def _is_host(host: str) -> bool:
    if _is_ip(host):
        return True
    labels = host.split(".")
    return len(host) <= LONGEST_DOMAIN and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
