"""The look and the menu of the administration (django-unfold)."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def _page(title: Any, icon: str, model: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
    }


MENU = [
    {
        "title": _("People"),
        "items": [
            _page(_("Patients"), "personal_injury", "patients_patient"),
            _page(_("Wards"), "meeting_room", "patients_ward"),
            _page(_("Accounts"), "group", "patients_user"),
        ],
    },
    {
        "title": _("Devices"),
        "items": [
            _page(_("Devices"), "monitor_heart", "devices_device"),
            _page(_("Assignments"), "link", "devices_assignment"),
            _page(_("Device tokens"), "key", "devices_devicetoken"),
            _page(_("Held records"), "inventory_2", "devices_record"),
            _page(_("Orphaned recordings"), "upload_file", "devices_orphanedrecording"),
        ],
    },
    {
        "title": _("Alarms"),
        "items": [
            _page(_("Alert rules"), "outgoing_mail", "inference_alertrule"),
            _page(_("Alarms"), "notifications", "inference_alarm"),
            _page(_("Mails"), "mail", "inference_maildelivery"),
        ],
    },
    {
        "title": _("Audit"),
        "items": [_page(_("Access log"), "visibility", "patients_accesslog")],
    },
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Telecardio",
    "SITE_HEADER": "Telecardio",
    "SITE_SUBHEADER": _("Administration"),
    "SITE_ICON": lambda request: static("favicon.svg"),
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("favicon.svg"),
        }
    ],
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "8px",
    # Green as on the pages; red, yellow and cyan belong to alarms.
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% 0.015 160)",
            "100": "oklch(94% 0.035 160)",
            "200": "oklch(88% 0.065 160)",
            "300": "oklch(80% 0.1 160)",
            "400": "oklch(70% 0.12 160)",
            "500": "oklch(58% 0.115 160)",
            "600": "oklch(47% 0.095 160)",
            "700": "oklch(40% 0.08 160)",
            "800": "oklch(34% 0.065 160)",
            "900": "oklch(28% 0.05 160)",
            "950": "oklch(21% 0.035 160)",
        }
    },
    "SIDEBAR": {"show_search": True, "navigation": MENU},
}
