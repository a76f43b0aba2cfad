"""Setting a till up: what a technician is asked, what becomes of the answers, and how they reach the disk.

``script`` asks, in order, and knows nothing of terminals and files; ``interview`` plays it to a person, ``rollout`` to a file.
``configured`` turns answers into the configuration and back, ``writing`` that into text, ``commit`` puts it into place, all of it or
nothing. ``outside`` looks at what an answer names: an address, a password, a port. ``plan`` ties them together. Nothing here moves money.
"""
