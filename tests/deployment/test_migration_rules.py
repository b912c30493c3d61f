"""Migrations keep the rules of docs/operations.md, from the first version on."""

from collections.abc import Iterator

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

# The last of each application that nobody had data for.
BEFORE = {"patients": "0002", "devices": "0006", "inference": "0009"}


def later(application: str) -> Iterator[tuple[str, Operation]]:
    """Yield the operations that meet a database in use, with where they stand."""
    for (label, name), one in MigrationLoader(None).disk_migrations.items():
        if label == application and name[:4] > BEFORE[label]:
            for operation in one.operations:
                yield f"{label}.{name}: {operation.describe()}", operation


def wrong(operation: Operation) -> str:
    """Say what an operation does that the old version or a full table forbids."""
    if isinstance(operation, migrations.RunPython):
        return "data is moved by a sweep"
    if isinstance(operation, migrations.RunSQL):
        sql = str(operation.sql).upper()
        return "data is moved by a sweep" if "UPDATE " in sql else ""
    if isinstance(operation, migrations.AddField):
        field = operation.field
        has_default = field.null or field.db_default is not models.NOT_PROVIDED
        return "" if has_default else "the old version writes rows without this field"
    if isinstance(operation, migrations.AddIndex):
        is_beside = isinstance(operation, AddIndexConcurrently)
        return "" if is_beside else "it locks the table while the index is built"
    if isinstance(operation, migrations.RenameField | migrations.RenameModel):
        return "the old version does not know the new name"
    return ""


@pytest.mark.parametrize("application", sorted(BEFORE))
def test_migrations_keep_the_rules(application: str) -> None:
    found = {
        where: words
        for where, operation in later(application)
        if (words := wrong(operation))
    }
    assert found == {}


def test_the_rules_find_what_breaks_them() -> None:
    plain = models.IntegerField()
    index = models.Index(fields=["n"], name="n")
    for operation in (
        migrations.AddField("record", "n", plain),
        migrations.AddIndex("record", index),
        migrations.RunPython(migrations.RunPython.noop),
        migrations.RunSQL("UPDATE devices_record SET n = 1"),
        migrations.RenameField("record", "n", "m"),
    ):
        assert wrong(operation), operation
    for operation in (
        migrations.AddField("record", "n", models.IntegerField(null=True)),
        migrations.AddField("record", "n", models.IntegerField(db_default=0)),
        AddIndexConcurrently("record", index),
        migrations.RunSQL("ALTER TABLE devices_record SET (fillfactor = 90)"),
    ):
        assert not wrong(operation), operation
