from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index is built while rows are written, so outside a transaction.
    atomic = False

    dependencies = [
        ('inference', '0014_alarm_onset'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='maildelivery',
            index=models.Index(fields=['queued_at'], name='mail_queued'),
        ),
    ]
