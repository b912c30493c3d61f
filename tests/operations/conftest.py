"""What the tests of operations share with those of the device API."""

from tests.devices.conftest import upload

__all__ = ["upload"]
