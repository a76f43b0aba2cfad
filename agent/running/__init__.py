"""The parts of the running daemon that are neither sales nor edges: its notices, its doors, its care for links and record, its
configuration and the change of it. ``agent.runtime`` puts them together.
"""
