from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0005_retention'),
    ]

    operations = [
        migrations.AddField(
            model_name='record',
            name='late_to_sample',
            field=models.BigIntegerField(editable=False, null=True),
        ),
    ]
