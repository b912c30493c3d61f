"""Training, evaluation and export of the beat classifier; not for the server."""
