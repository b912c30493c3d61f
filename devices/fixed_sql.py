"""SQL whose text never changes: read whole model rows, and prepare it once.

The ORM writes the text of a query anew each time, which took half of the time of an
upload, and PostgreSQL parses and plans it anew. The columns come from the models, so
a migration needs no change here.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Generic, TypeVar

import psycopg
from django.db import connection
from django.db.models import Model

Row = TypeVar("Row", bound=Model)


@contextmanager
def prepared(sql: str, parameters: Sequence[Any]) -> Iterator[psycopg.Cursor[Any]]:
    """Run one statement that each connection prepares once, in Django's transaction.

    Give numbers and times as text and cast them in the SQL: psycopg prepares a
    statement once more for each combination of types that it meets.
    """
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as own:
        own.execute(sql, parameters, prepare=True, binary=True)
        yield own


def array(values: Iterable[object]) -> str:
    """Return an array of numbers or times as PostgreSQL reads it; None is NULL."""
    texts = ("NULL" if value is None else f'"{value}"' for value in values)
    return f"{{{','.join(texts)}}}"


def texts(values: Iterable[object]) -> str:
    """Return an array as :func:`array` does, of values that may hold any character."""
    return array(
        None if value is None else str(value).replace("\\", r"\\").replace('"', r"\"")
        for value in values
    )


class Columns(Generic[Row]):
    """The columns of one model, for a SELECT and for its rows.

    Those ``without`` are read only when somebody asks a row for them.
    """

    def __init__(self, model: type[Row], *, without: Collection[str] = ()) -> None:
        self.model, self.without = model, without

    @cached_property
    def names(self) -> list[str]:
        """The model's attributes, in the order of its columns."""
        return [field.attname for field in self._fields]

    @cached_property
    def _fields(self) -> list[Any]:
        fields = self.model._meta.concrete_fields
        return [field for field in fields if field.name not in self.without]

    def of(self, table: str) -> str:
        """Return the columns as a SELECT lists them; ``table`` is a name or alias."""
        return ", ".join(f'{table}."{field.column}"' for field in self._fields)

    def take(self, values: Sequence[Any]) -> tuple[Row | None, Sequence[Any]]:
        """Return the row that begins here, and the values behind it.

        A row without primary key, as an outer join makes one, is None.
        """
        own, rest = values[: len(self.names)], values[len(self.names) :]
        if own[0] is None:
            return None, rest
        return self.model.from_db("default", self.names, own), rest
