"""The pages. A page is found by its name, never by its path."""

from django.urls import URLPattern, path

from telecardio.pages import (
    alarms,
    demo_mails,
    history,
    home,
    hours,
    patient,
    portal,
    record,
    record_correction,
    upload,
    wall,
    watchdog,
)

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("me/", portal.portal, name="portal"),
    path("me/status/", portal.portal_state, name="portal-status"),
    path("me/hours/", hours.portal_hours, name="portal-hours"),
    path("demo/mails/", demo_mails.demo_mails, name="demo-mails"),
    path("records/upload/", upload.upload, name="upload"),
    path("records/<int:pk>/", record.record, name="record"),
    path("records/<int:pk>/progress/", record.record_progress, name="record-progress"),
    path("records/<int:pk>/window/", record.record_window, name="record-window"),
    path("records/<int:pk>/give/", record_correction.give, name="record-give"),
    path("records/<int:pk>/remove/", record_correction.remove, name="record-remove"),
    path("wall/", wall.wall, name="wall"),
    path("wall/patients/", wall.wall_patients, name="wall-patients"),
    path("wall/stay/", wall.stay_signed_in, name="stay-signed-in"),
    path("watchdog/", watchdog.watchdog, name="watchdog"),
    path("patients/<int:pk>/", patient.patient, name="patient"),
    path("patients/<int:pk>/alarms/", patient.patient_alarms, name="patient-alarms"),
    path(
        "patients/<int:pk>/alarms/all/",
        history.alarm_history,
        name="alarm-history",
    ),
    path(
        "patients/<int:pk>/episodes/", history.episode_history, name="episode-history"
    ),
    path("patients/<int:pk>/hours/", hours.patient_hours, name="patient-hours"),
    path("alarms/open/", alarms.open_alarms, name="open-alarms"),
    path("alarms/<int:pk>/acknowledge/", alarms.acknowledge, name="acknowledge"),
]
