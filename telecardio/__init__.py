"""Composes the platform: settings, processes, the live view and the pages."""
