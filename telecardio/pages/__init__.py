"""Pages that need every application."""
