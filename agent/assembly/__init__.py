"""Settings in the engine's and the edges' words: which providers, which accounts, which policy for which till.

Every payment system has a module of its own that knows its settings and its provider; ``join`` puts together those that are configured and
never asks for a name.
"""

from agent.assembly.join import WIRINGS, Wiring, accounts_of, setup_of

__all__ = ["WIRINGS", "Wiring", "accounts_of", "setup_of"]
