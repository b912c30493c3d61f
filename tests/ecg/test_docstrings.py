"""Every public function of the analysis says what it takes, in which shape, how late.

Covered are the public classes, functions and methods of ``inference/ecg``: those whose
name, and whose class's name, begins with no underscore.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import inference.ecg

FOLDER = Path(inference.ecg.__file__).parent
# The types of arrays, by the names they have in annotations.
ARRAYS = {"Array", "Bytes", "Mask", "NDArray", "Real", "Samples", "Signal"}
# Arrays that are no stretch of time but one beat, one row of numbers, or beats already
# cut out: to describe them takes no time. A name that is not here is a signal.
TIMELESS = {
    *("a", "af", "b", "distances", "medians", "ordered", "out", "previous"),
    *("probabilities", "room", "row", "rows", "template", "templates", "values"),
    *("window", "windows"),
}
# What a function without any array is told of the time.
CLOCK = {"frontier", "now", "sample", "seen", "words"}
SHAPE = re.compile(r"\[[\w.][\w .,:*/+-]*\]")
LATE = re.compile(r"delay|causal|at once|needs? [^.]*after", re.IGNORECASE)

Public = ast.ClassDef | ast.FunctionDef


def publics() -> Iterator[tuple[str, Public]]:
    """Return every public class, function and method with its full name."""
    for path in sorted(FOLDER.glob("*.py")):
        yield from _within(path.stem, ast.parse(path.read_text()).body)


def _within(prefix: str, body: list[ast.stmt]) -> Iterator[tuple[str, Public]]:
    for node in body:
        if isinstance(node, Public) and not node.name.startswith("_"):
            name = f"{prefix}.{node.name}"
            yield name, node
            if isinstance(node, ast.ClassDef):
                yield from _within(name, node.body)


def has_array(annotation: ast.expr | None) -> bool:
    """Tell whether an annotation names a type of array."""
    if annotation is None:
        return False
    names = {n.id for n in ast.walk(annotation) if isinstance(n, ast.Name)}
    return bool(names & ARRAYS)


def arguments(node: ast.FunctionDef) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def needs_shape(node: Public) -> bool:
    """Tell whether arrays go in or out, or lie in the fields of a class."""
    if isinstance(node, ast.ClassDef):
        fields = [row for row in node.body if isinstance(row, ast.AnnAssign)]
        return any(has_array(row.annotation) for row in fields)
    given = [row.annotation for row in arguments(node)]
    return any(has_array(annotation) for annotation in [*given, node.returns])


def needs_delay(node: Public) -> bool:
    """Tell whether a stretch of time goes in, or a state goes on by the clock."""
    if isinstance(node, ast.ClassDef):
        return False
    taken = arguments(node)
    names = {row.arg for row in taken}
    has_state = any(
        isinstance(row.annotation, ast.Name) and row.annotation.id == "State"
        for row in taken
    )
    signals = {row.arg for row in taken if has_array(row.annotation)} - TIMELESS
    return bool(signals or (has_state and names & CLOCK))


def lacks(node: Public) -> list[str]:
    """Return what a docstring does not say."""
    said = ast.get_docstring(node) or ""
    found = [] if said else ["a docstring"]
    if needs_shape(node) and not SHAPE.search(said):
        found.append("a shape in brackets")
    if needs_delay(node) and not LATE.search(said):
        found.append("a delay")
    return found


def test_it_says_shapes_and_delays_of_every_public_function() -> None:
    silent = [
        f"{name} lacks {' and '.join(lacks(node))}"
        for name, node in publics()
        if lacks(node)
    ]
    assert not silent, "\n".join(silent)


def test_it_begins_with_what_a_function_does() -> None:
    for name, node in publics():
        first = (ast.get_docstring(node) or "").split("\n")[0]
        assert first[:1].isupper(), f"{name}: {first!r}"
        assert first.endswith((".", ":", ",")), f"{name}: {first!r}"


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("def f(fs: int) -> int: ...", ["a docstring"]),
        ("def f(fs: int) -> int: 'Return.'", []),
        ("def f(window: Real) -> float: 'Return.'", ["a shape in brackets"]),
        ("def f(window: Real) -> float: 'Return of [96].'", []),
        ("def f(ecg: Signal) -> float: 'Return of [n].'", ["a delay"]),
        ("def f(ecg: NDArray[np.int8]) -> int: 'Return of [n]. No delay.'", []),
        ("def f(state: State, now: int) -> None: 'Go on.'", ["a delay"]),
        ("class C(NamedTuple):\n 'Rows.'\n rows: Array", ["a shape in brackets"]),
    ],
)
def test_it_would_find_a_silent_function(code: str, missing: list[str]) -> None:
    (node,) = ast.parse(code).body
    assert isinstance(node, Public)
    assert lacks(node) == missing
