from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0011_redo_since'),
    ]

    operations = [
        migrations.AddField(
            model_name='analysisstate',
            name='begun_sample',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
    ]
