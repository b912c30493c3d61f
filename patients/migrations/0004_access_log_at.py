from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index is built while rows are written, so outside a transaction.
    atomic = False

    dependencies = [
        ('patients', '0003_most_keep_days'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='accesslog',
            index=models.Index(fields=['at'], name='access_log_at'),
        ),
    ]
