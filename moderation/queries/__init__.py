"""The language people search in: words, phrases and typed filters. Pure; the rows are found in ``selectors.search``."""

from moderation.queries.parsing import BadQuery, Filter, Query, Term, parse
from moderation.queries.vocabulary import FILTERS, SORTS, FilterKind, Known, Scope, Sort

__all__ = ["FILTERS", "SORTS", "BadQuery", "Filter", "FilterKind", "Known", "Query", "Scope", "Sort", "Term", "parse"]
