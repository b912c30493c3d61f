"""Filters of the administration's lists."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from unfold.contrib.filters.admin import RangeDateFilter


class DaysFilter(RangeDateFilter):  # type: ignore[misc]
    """What lies between two days, both included; a moment by the list's own clock."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows; what is no day asks for nothing."""
        first, last = self._day("from"), self._day("to")
        if first is not None:
            queryset = queryset.filter(**{f"{self.field_path}__gte": _begin(first)})
        if last is not None:
            next_day = _begin(last + timedelta(days=1))
            queryset = queryset.filter(**{f"{self.field_path}__lt": next_day})
        return queryset

    def _day(self, end: str) -> date | None:
        try:
            return parse_date(self.used_parameters.get(f"{self.field_path}_{end}", ""))
        except ValueError:
            return None


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
