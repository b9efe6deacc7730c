"""A condition as nested form rows: from a document, from what was typed, and back.

The browser sends each row under its path: ``c`` is the outermost group, ``c.0`` its first row, ``c.0.2`` the third row
of that, if it is a group. What was typed is kept as it is, finished or not.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from moderation.conditions.vocabulary import FACTS, MOST_QUESTIONS, OPERATORS, Fact, Names, Of, Operator

ROOT = "c"
GROUPS = {"all": "All of these", "any": "Any of these", "none": "None of these"}
_CHOSEN = {Names.POLICY, Names.BANK, Names.SOURCE}
_MOST_ROWS = 2 * MOST_QUESTIONS


@dataclass(slots=True)
class Row:
    """A question as typed. ``typed`` holds the value's text, ``chosen`` the boxes ticked."""

    fact: str = "score"
    of: str = ""
    operator: str = ""
    typed: str = ""
    chosen: list[str] = field(default_factory=list)
    path: str = ""
    error: str = ""
    focus: bool = False
    is_group: bool = False

    @property
    def about(self) -> Fact:
        """The fact asked about; the first there is, where nothing known was sent."""
        return FACTS.get(self.fact, next(iter(FACTS.values())))

    @property
    def operators(self) -> Sequence[Operator]:
        """What can be asked of the fact."""
        return list(OPERATORS[self.about.kind].values())

    @property
    def asked(self) -> Operator:
        """What is asked; the first possible, where the fact has changed."""
        return OPERATORS[self.about.kind].get(self.operator, self.operators[0])

    @property
    def of_policy(self) -> bool:
        """Whether a policy must be named."""
        return self.about.of is Of.POLICY

    @property
    def of_attribute(self) -> bool:
        """Whether an attribute must be named."""
        return self.about.of is Of.ATTRIBUTE

    @property
    def choices_of(self) -> str:
        """What there are boxes of, if any: policy, bank or source."""
        return self.about.names if self.asked.takes == "names" and self.about.names in _CHOSEN else ""

    def document(self) -> dict[str, Any]:
        """The question as a condition holds it, checked by nobody yet."""
        question: dict[str, Any] = {"fact": self.about.name}
        if self.about.of:
            question["of"] = self.of
        question["is"] = self.asked.name
        if self.asked.takes:
            question["value"] = self._value()
        return question

    def _value(self) -> Any:
        takes = self.asked.takes
        if self.choices_of:
            return self.chosen
        if takes == "number":
            return _number(self.typed)
        if takes == "names":
            return _listed(self.typed)
        if takes == "scalars":
            return [_scalar(one) for one in _listed(self.typed)]
        return _scalar(self.typed) if takes == "scalar" else self.typed


@dataclass(slots=True)
class Group:
    """Rows joined by ``kind``: all, any or none."""

    kind: str = "all"
    rows: "list[Row | Group]" = field(default_factory=list)
    path: str = ROOT
    error: str = ""
    focus: bool = False
    is_group: bool = True

    @property
    def is_root(self) -> bool:
        """Whether it is the outermost group."""
        return self.path == ROOT

    @property
    def kinds(self) -> Mapping[str, str]:
        """The ways to join rows."""
        return GROUPS

    def document(self) -> dict[str, Any]:
        """The group as a condition."""
        parts = [row.document() for row in self.rows]
        return {"not": {"any": parts}} if self.kind == "none" else {self.kind: parts}


def of_condition(document: Mapping[str, Any]) -> Group:
    """The rows of a condition that has been checked before."""
    node = _node(document)
    root = node if isinstance(node, Group) else Group(rows=[node])
    _number_paths(root, ROOT)
    return root


def of_form(data: QueryDict) -> Group:
    """The rows as sent."""
    root = _read_group(data, ROOT, iter(range(_MOST_ROWS)))
    _number_paths(root, ROOT)
    return root


def changed(root: Group, change: str) -> Group:
    """The rows after a button: ``add:c.0``, ``group:c``, ``remove:c.0.1``. What names no row changes nothing."""
    act, _, path = change.partition(":")
    for group, place, row in _walk(root):
        if act == "remove" and row.path == path and group is not None:
            del group.rows[place]
            group.focus = True
            break
        if act in {"add", "group"} and row.path == path and isinstance(row, Group):
            row.rows.append(Row(focus=True) if act == "add" else Group(kind="any", rows=[Row(focus=True)]))
            break
    _number_paths(root, ROOT)
    return root


def mark(root: Group, pointer: str, detail: str) -> None:
    """Put what is wrong beside the row that the JSON pointer leads to."""
    node: Row | Group = root
    steps = pointer.strip("/").split("/")
    while isinstance(node, Group) and steps:
        step = steps.pop(0)
        if step.isdigit() and int(step) < len(node.rows):
            node = node.rows[int(step)]
    node.error = detail


def _node(document: Mapping[str, Any]) -> Row | Group:
    if "fact" in document:
        return _row(document)
    if "not" in document:
        inner = document["not"]
        return Group("none", [_node(part) for part in inner["any"]] if "any" in inner else [_node(inner)])
    kind = "all" if "all" in document else "any"
    return Group(kind, [_node(part) for part in document[kind]])


def _row(document: Mapping[str, Any]) -> Row:
    row = Row(document["fact"], document.get("of", ""), document["is"])
    value = document.get("value")
    if row.choices_of:
        row.chosen = list(value or [])
    elif isinstance(value, list):
        row.typed = ", ".join(_written(one) for one in value)
    elif value is not None:
        row.typed = value if row.asked.takes == "pattern" else _written(value)
    return row


def _read_group(data: QueryDict, path: str, budget: Iterator[int]) -> Group:
    kind = data.get(f"{path}.kind", "all")
    group = Group(kind if kind in GROUPS else "all", focus=False)
    number = 0
    # The budget bounds what a made-up form can ask for.
    while f"{path}.{number}.type" in data and next(budget, None) is not None:
        below = f"{path}.{number}"
        if data[f"{below}.type"] == "group" and below.count(".") <= 8:
            group.rows.append(_read_group(data, below, budget))
        else:
            group.rows.append(
                Row(
                    data.get(f"{below}.fact", ""),
                    data.get(f"{below}.of", ""),
                    data.get(f"{below}.is", ""),
                    data.get(f"{below}.value", ""),
                    data.getlist(f"{below}.chosen"),
                )
            )
        number += 1
    return group


def _walk(root: Group) -> Iterator[tuple[Group | None, int, Row | Group]]:
    yield None, 0, root
    for place, row in enumerate(root.rows):
        if isinstance(row, Group):
            inner = _walk(row)
            next(inner)
            yield root, place, row
            yield from inner
        else:
            yield root, place, row


def _number_paths(node: Row | Group, path: str) -> None:
    node.path = path
    if isinstance(node, Group):
        for place, row in enumerate(node.rows):
            _number_paths(row, f"{path}.{place}")


def _listed(typed: str) -> list[str]:
    return [one.strip() for one in typed.split(",") if one.strip()]


def _number(typed: str) -> float | str:
    """The number typed; anything else as it is, for the check to refuse."""
    try:
        value = float(typed.replace(",", "."))
    except ValueError:
        return typed
    return int(value) if value.is_integer() else value


def _scalar(typed: str) -> Any:
    """true, false or a number where it reads as one; a text in quotes is always a text."""
    try:
        value = json.loads(typed)
    except ValueError:
        return typed
    return value if isinstance(value, bool | int | float | str) else typed


def _written(value: Any) -> str:
    """A scalar as ``_scalar`` reads it: quoted only where it would be read as something else."""
    if isinstance(value, str):
        return value if _scalar(value) == value and "," not in value else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
