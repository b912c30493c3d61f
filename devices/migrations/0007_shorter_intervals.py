import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0006_late_end'),
    ]

    operations = [
        migrations.AlterField(
            model_name='device',
            name='upload_interval_s',
            field=models.FloatField(
                default=1.0,
                validators=[
                    django.core.validators.MinValueValidator(0.1),
                    django.core.validators.MaxValueValidator(10),
                ],
                verbose_name='upload interval (s)',
            ),
        ),
    ]
