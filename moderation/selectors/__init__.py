"""Reads: QuerySets or frozen dataclasses, no writes."""
