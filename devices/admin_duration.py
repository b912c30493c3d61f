"""How much signal a record holds, as the administration shows it."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from devices.models import Record


class ShowsDuration:
    """A list of records with a column ``duration``."""

    @admin.display(description=_("duration"), ordering="sample_count")
    def duration(self, record: Record) -> str:
        """Show how much signal is stored."""
        minutes, seconds = divmod(record.sample_count // record.fs, 60)
        return f"{minutes}:{seconds:02d} min"
