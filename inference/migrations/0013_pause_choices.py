from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0012_begun_sample'),
    ]

    operations = [
        migrations.AlterField(
            model_name='patientlimits',
            name='pause_s',
            field=models.FloatField(
                choices=[
                    (1.5, '1.5'),
                    (2.0, '2.0'),
                    (2.5, '2.5'),
                    (3.0, '3.0'),
                    (5.0, '5.0'),
                ],
                default=3.0,
                verbose_name='pause (s)',
            ),
        ),
    ]
