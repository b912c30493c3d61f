"""The Django admin with the site of this project."""

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """django.contrib.admin, opened by role."""

    default_site = "patients.staff_site.StaffSite"
