from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0007_shorter_intervals'),
    ]

    operations = [
        migrations.AddField(
            model_name='record',
            name='head_received_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
