import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('patients', '0002_keep_days'),
    ]

    operations = [
        migrations.AlterField(
            model_name='patient',
            name='keep_days',
            field=models.PositiveIntegerField(
                blank=True,
                help_text='Older signal and beats are removed for good; episodes, alarms and hourly figures stay. Empty: kept for ever.',
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(36500),
                ],
                verbose_name='keep signal for (days)',
            ),
        ),
    ]
