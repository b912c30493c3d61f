"""Judge annotations against annotations as ANSI/AAMI EC57 does; times in seconds."""
