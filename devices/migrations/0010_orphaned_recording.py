from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0009_record_newest'),
    ]

    operations = [
        migrations.CreateModel(
            name='OrphanedRecording',
            fields=[
            ],
            options={
                'verbose_name': 'orphaned recording',
                'verbose_name_plural': 'orphaned recordings',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('devices.record',),
        ),
    ]
