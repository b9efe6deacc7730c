"""A scan of the whole database, as the catalogue lists it: new tables and columns are scanned by themselves."""

from django.db import connection

_COLUMNS = """
SELECT c.relname, a.attname, t.typname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY c.relname, a.attnum
"""


def columns() -> list[tuple[str, str, str]]:
    """Table, column and type of every column there is, whatever its type."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS)
        return list(cursor.fetchall())


def places_of(needle: str) -> set[str]:
    """``table.column`` of every place where the needle stands, in any case, in text, JSON, words or bytes."""
    quote = connection.ops.quote_name
    found = set()
    with connection.cursor() as cursor:
        for table, column, type_name in columns():
            name = quote(column)
            legible = f"encode({name}, 'escape')" if type_name == "bytea" else f"{name}::text"
            cursor.execute(
                f"SELECT EXISTS (SELECT 1 FROM {quote(table)} WHERE strpos(lower({legible}), lower(%s)) > 0)", [needle]
            )
            if cursor.fetchone()[0]:
                found.add(f"{table}.{column}")
    return found
