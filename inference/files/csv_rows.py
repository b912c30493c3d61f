"""Rows of numbers: a fast parser, and a slow one that names what is wrong."""

import csv
import io
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd  # a requirement of wfdb
from numpy.typing import NDArray

from inference.files.record import FileError, quoted

_POINT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_COMMA = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)|n/?a|null|", re.IGNORECASE)

_CHARACTERS_OF_NUMBERS = b"0123456789+-.,eE; \t\n"


@dataclass(frozen=True)
class Table:
    """How the columns of a CSV file are separated, and what they are called."""

    separator: str
    columns: tuple[str, ...]

    def split(self, line: str) -> list[str]:
        """Return the fields of a line without blanks and quotes around them."""
        return [
            field.strip().strip('"').strip() for field in line.split(self.separator)
        ]

    def is_number(self, field: str) -> bool:
        """Tell whether a field is a finite number; a decimal comma needs ; or tab."""
        pattern = _POINT if self.separator == "," else _COMMA
        return pattern.fullmatch(field) is not None


def separator_of(line: str) -> str:
    """Return the separator of a line: ``;`` or tab before ``,`` (a decimal comma)."""
    return next((mark for mark in (";", "\t") if mark in line), ",")


def looks_like_a_value(field: str) -> bool:
    """Tell whether a field stands for a missing or infinite value, not for a name."""
    return _NOT_FINITE.fullmatch(field) is not None


def parse_block(text: str, *, table: Table, first_row: int) -> NDArray[np.float64]:
    """Return float64[rows, columns]; ``text`` is whole lines without blank ones.

    Raise ``FileError`` at the first row that is not as many finite numbers as the
    table has columns; ``first_row`` is the 1-based line number of the first line.
    """
    # pandas reads more than numbers, "True" among them.
    if text.encode().translate(None, _CHARACTERS_OF_NUMBERS):
        return _parse_slowly(text, table=table, first_row=first_row)
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=table.separator,
            decimal="," if table.separator != "," and "," in text else ".",
            header=None,
            index_col=False,
            dtype=np.float64,
            na_filter=False,
            skip_blank_lines=False,
            quoting=csv.QUOTE_NONE,
        )
    except (ValueError, OverflowError):  # ParserError is a ValueError
        return _parse_slowly(text, table=table, first_row=first_row)
    values: NDArray[np.float64] = frame.to_numpy()
    if values.shape[1] != len(table.columns) or not np.isfinite(values).all():
        return _parse_slowly(text, table=table, first_row=first_row)
    return values


def _parse_slowly(text: str, *, table: Table, first_row: int) -> NDArray[np.float64]:
    lines = text.removesuffix("\n").split("\n")
    values = np.empty((len(lines), len(table.columns)))
    for index, line in enumerate(lines):
        values[index] = _parse_line(line, table=table, row=first_row + index)
    return values


def _parse_line(line: str, *, table: Table, row: int) -> list[float]:
    fields = table.split(line)
    expected = len(table.columns)
    if not line.strip():
        message = "found an empty line between the samples. Remove it, or cut there."
        raise FileError(message, row=row)
    if len(fields) != expected:
        message = (
            f"found {len(fields)} columns where the first rows have {expected}. "
            "Give every row the same columns, separated by comma, semicolon or tab."
        )
        raise FileError(message, row=row)
    for number, field in enumerate(fields, start=1):
        if not table.is_number(field):
            raise _no_number(field, row, f"{number} ({table.columns[number - 1]})")
    numbers = [float(field.replace(",", ".")) for field in fields]
    for number, value in enumerate(numbers, start=1):
        if not np.isfinite(value):
            column = f"{number} ({table.columns[number - 1]})"
            raise _no_number(fields[number - 1], row, column)
    return numbers


def _no_number(field: str, row: int, column: str) -> FileError:
    if looks_like_a_value(field):
        found = f"{quoted(field)}, a missing value" if field else "an empty field"
        what_to_do = "A recording has a value in every row: cut it there, or fill it."
    else:
        found = f"{quoted(field)}, which is not a number"
        what_to_do = "Write a plain number, such as -0.125."
    return FileError(f"found {found}. {what_to_do}", row=row, column=column)
