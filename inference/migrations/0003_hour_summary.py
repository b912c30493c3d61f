import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0002_initial"),
        ("inference", "0002_indexes_of_what_is_open"),
    ]

    operations = [
        migrations.CreateModel(
            name="HourSummary",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("start_at", models.DateTimeField()),
                ("end_at", models.DateTimeField()),
                ("upto_sample", models.BigIntegerField()),
                ("tally", models.JSONField()),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hours",
                        to="devices.record",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "hour summaries",
                "ordering": ["start_at"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("record", "start_at"),
                        name="hour_summary_once_per_start",
                    )
                ],
            },
        ),
    ]
