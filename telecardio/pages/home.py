"""The first page after signing in: each role has its own."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from patients.models import User

PAGE_OF_ROLE = {
    User.Role.DOCTOR: "wall",
    User.Role.KIOSK: "wall",
    User.Role.PATIENT: "portal",
    User.Role.STAFF: "admin:index",
}


def home(request: HttpRequest) -> HttpResponse:
    """Send a signed-in person to the page of their role."""
    user = request.user
    assert isinstance(user, User)  # LoginRequiredMiddleware let nobody else in.
    return redirect(PAGE_OF_ROLE[User.Role(user.role)])
