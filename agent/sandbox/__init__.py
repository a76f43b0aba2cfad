"""The other side of the wire: a faithful simulator of the Koshelek Pay API, for tests, integration work and demonstrations.

``bank`` and everything it imports is a pure model: time is passed in, ids and chance are handed over, nothing is read or
written. The simulation of the agent plays against it in memory. ``server`` puts the same model behind a real HTTP(S) socket.

It shares no code with ``agent.core`` or ``agent.providers`` on purpose: a mistake made twice would never be noticed.
"""
