"""Whatever the text, its marks show what the spans say, and nothing of it is live."""

from collections.abc import Sequence
from html.parser import HTMLParser

from django.template.loader import render_to_string
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.selectors.explanations import segments_of

Span = tuple[int, int, float]
PIECES = st.sampled_from(
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "</mark></div><b>",
        "&lt;&amp;&#60;",
        "{{ 7|add:7 }}{% now %}",
        "<!-- ",
        "]]>",
        "\u202eright\u202c",
        "\u05d0\u05d9\u05d3\u05d9",
        "st\u200bupid",
        "h\u0301\u0301",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",
        "\U0001f44d\U0001f3fd",
        "\r\n",
        " ",
    ]
)
ANY_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    st.lists(PIECES, max_size=30).map("".join),
    st.lists(PIECES, min_size=1, max_size=6).map(lambda few: ("".join(few) * 10_000)[:10_000]),
)


class Shown(HTMLParser):
    """What a reader of the page gets: every tag, the text, and the text of each marked span."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.spans: dict[tuple[int, int], str] = {}
        self.other: list[str] = []
        self._open: tuple[int, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        self.attributes |= found.keys()
        self._open = (int(found.get("data-start") or -1), int(found.get("data-end") or -1))
        self.spans[self._open] = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open is not None:
            self.spans[self._open] += data

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    def unknown_decl(self, data: str) -> None:
        self.other.append(data)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)


@st.composite
def attributed(draw: st.DrawFn) -> tuple[str, Sequence[Span]]:
    """A text with spans that lie in it and do not overlap."""
    text = draw(ANY_TEXT)
    marks = sorted(draw(st.sets(st.integers(0, len(text)), max_size=16)))
    values = st.floats(-5, 5, allow_nan=False)
    return text, [(start, end, draw(values)) for start, end in zip(marks[::2], marks[1::2], strict=False)]


@settings(max_examples=60, deadline=None)
@given(attributed())
def test_marks_show_the_spans_of_any_text_and_no_markup_is_live(case: tuple[str, Sequence[Span]]) -> None:
    text, spans = case
    page = render_to_string("console/partials/segments.html", {"segments": segments_of(text, spans)})
    shown = Shown()
    shown.feed(page)
    shown.close()

    assert shown.text == text
    assert shown.spans == {(start, end): text[start:end] for start, end, _ in spans}
    assert shown.tags <= {"mark", "span"}
    assert shown.attributes <= {"class", "data-start", "data-end", "title"}
    assert shown.other == []
