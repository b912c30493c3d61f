from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0009_record_newest'),
    ]

    operations = [
        migrations.CreateModel(
            name='LeftRecording',
            fields=[
            ],
            options={
                'verbose_name': 'left recording',
                'verbose_name_plural': 'left recordings',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('devices.record',),
        ),
    ]
