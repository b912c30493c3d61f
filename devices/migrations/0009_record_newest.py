from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index is built while rows are written, so outside a transaction.
    atomic = False

    dependencies = [
        ('devices', '0008_head_received_at'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='record',
            index=models.Index(fields=['assignment', '-id'], name='record_newest'),
        ),
    ]
