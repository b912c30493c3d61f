from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0010_failed_mails'),
    ]

    operations = [
        migrations.AddField(
            model_name='analysisstate',
            name='redo_since',
            field=models.DateTimeField(null=True),
        ),
    ]
