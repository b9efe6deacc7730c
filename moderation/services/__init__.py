"""Writes. Keyword-only, the checks first, the transaction inside, the row returned."""
