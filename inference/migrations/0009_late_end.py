from django.db import migrations, models


# Floats do not shrink, and trying takes a millisecond; old ones are compressed by us.
PLAIN = "ALTER TABLE inference_checkpoint ALTER COLUMN state SET STORAGE {}"


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0008_state_at_a_sample'),
    ]

    operations = [
        migrations.AddField(
            model_name='analysisstate',
            name='redo_to_sample',
            field=models.BigIntegerField(null=True),
        ),
        migrations.RunSQL(PLAIN.format("EXTERNAL"), PLAIN.format("EXTENDED")),
    ]
