"""Pure readers and writers of ECG files: no Django, no database."""
