"""A beat net that remembers the beats before: tried, and not released.

The released nets see one beat and what is measured of those before. This one carries
units from beat to beat; ``layer`` is the part that would run live, with a small state
per record. ``python -m ml.recurrent`` judges it on patients that it never saw.
"""
