"""The demo community: an invented chat server with its truth, read from the data files beside this module."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from moderation.enums import ReportSource

POLICIES = ("harassment", "hate", "spam", "self-harm", "sexual", "violence")
"""The policy slugs that the truth and the reports of the community use."""

MAX_TEXT = 2_000
"""Longest text of a message, in code points."""

MINUTES_A_DAY = 24 * 60

type_names: Mapping[type, str] = {str: "text", int: "a whole number", bool: "true or false"}

AttributeValue = str | int | bool
