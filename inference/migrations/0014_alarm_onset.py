from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index is built while rows are written, so outside a transaction.
    atomic = False

    dependencies = [
        ('inference', '0013_pause_choices'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='alarm',
            index=models.Index(fields=['onset_at'], name='alarm_onset'),
        ),
    ]
