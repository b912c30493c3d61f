"""The administration site: for staff, by role, and for nobody else."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from unfold.paginator import InfinitePaginator
from unfold.sites import UnfoldAdminSite

from patients.models import User


def is_staff_member(request: HttpRequest) -> bool:
    """Tell whether the request comes from somebody whose role is staff."""
    user = request.user
    return isinstance(user, User) and user.is_active and user.role == User.Role.STAFF


def staff_only(request: HttpRequest) -> None:
    """Refuse an action to everybody else."""
    if not is_staff_member(request):
        raise PermissionDenied


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]
    """The role opens it; people sign in on the same page as everybody else."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Let staff in."""
        return is_staff_member(request)

    def admin_view(
        self, view: Callable[..., HttpResponse], cacheable: bool = False
    ) -> Callable[..., HttpResponse]:
        """Hide the site from people of other roles."""
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.user.is_authenticated and not self.has_permission(request):
                raise Http404
            response: HttpResponse = inner(request, *args, **kwargs)
            return response

        return update_wrapper(guarded, inner)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send people to the one page that limits guesses."""
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise Http404
        wanted = request.GET.get("next") or resolve_url("admin:index")
        return redirect_to_login(wanted)


StaffSite.login.login_required = False  # type: ignore[attr-defined]


class StaffMayEdit:
    """Every member of staff may see, add, change and delete; no rows of rights."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the section."""
        return is_staff_member(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show the rows."""
        return is_staff_member(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Add a row."""
        return is_staff_member(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Change a row."""
        return is_staff_member(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Delete a row."""
        return is_staff_member(request)


class StaffMayLook(StaffMayEdit):
    """Rows that other parts write: staff may look, nobody may change them here."""

    def has_add_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        """Refuse."""
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        """Refuse."""
        return False


class GrowsForYears(StaffMayLook):
    """What is listed has millions of rows: no page of it may count them all.

    Between two times, which are a part of its index, in place of a list of the years
    and months, which are all of it.
    """

    paginator = InfinitePaginator
    show_full_result_count = False
    list_filter_submit = True
