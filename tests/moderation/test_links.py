"""Links in texts, and which domain someone has registered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation import links
from moderation.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://shop.bad.co.uk/x?y#z", {"shop.bad.co.uk", "bad.co.uk"}),
        ("https://evil.github.io/", {"evil.github.io"}),
        ("//bad.example/x", {"bad.example"}),
        ("visit free-nitro.ru/now or a.b.com.", {"free-nitro.ru", "a.b.com", "b.com"}),
        ("bad。com and bad．com", {"bad.com"}),
        ("https://пример.рф/", {"xn--e1afmkfd.xn--p1ai"}),
        ("http://192.0.2.7:8080/ http://[2001:db8::1]/", {"192.0.2.7", "2001:db8::1"}),
        ("someone@mail.com wrote e.g. this.that", set()),
        ("http://localhost/ https://co.uk/ http://a..b.com", set()),
        ("bad.example has no scheme and no known ending", set()),
    ],
)
def test_domains_go_down_to_the_registrable_one(text: str, found: set[str]) -> None:
    assert links.domains(text) == found


@given(st.text(alphabet=st.sampled_from(list("ab.:/@-[]。 ?#%x")), max_size=60))
def test_any_text_has_domains_in_the_form_entries_have(text: str) -> None:
    for domain in links.domains(text):
        assert links.domain(f"www.{domain}" if not domain[0].isdigit() and ":" not in domain else domain) in {
            domain,
            domain.removeprefix("www."),
        }


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" WWW.Scam.Example. ", "scam.example"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("evil.github.io", "evil.github.io"),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_domain_is_written_in_one_way(written: str, kept: str) -> None:
    assert links.domain(written) == kept


@pytest.mark.parametrize(
    "written", ["https://scam.example/x", "localhost", "a b.example", "", "-a.com", "a" * 300 + ".com"]
)
def test_what_is_no_domain_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput, match=r"such as scam\.example"):
        links.domain(written)


@pytest.mark.parametrize("suffix", ["com", "co.uk", "github.io", "www.co.uk"])
def test_a_public_suffix_would_stand_for_everybody(suffix: str) -> None:
    with pytest.raises(InvalidInput, match=r"public suffix|such as"):
        links.domain(suffix)
