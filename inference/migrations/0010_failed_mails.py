from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index is built while mails are queued, so outside a transaction.
    atomic = False

    dependencies = [
        ('inference', '0009_late_end'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='maildelivery',
            index=models.Index(condition=models.Q(('state', 'failed')), fields=['next_try_at'], name='mail_failed'),
        ),
        migrations.AlterField(
            model_name='lifesign',
            name='part',
            field=models.CharField(choices=[('ingest', 'ingest'), ('analysis', 'analysis'), ('backfill', 'backfill'), ('mail', 'mail'), ('beat', 'schedule')], max_length=10, primary_key=True, serialize=False),
        ),
    ]
