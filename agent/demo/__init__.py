"""A day at the till in a minute: the agent, a bank of play money and a register, and at the end three books that must agree.

Each party is what it is in a shop: the agent and the bank (the sandbox) are processes of their own (``stage``), the register (``register``)
knows nothing but its socket. ``scenes`` is what happens, ``books`` how the three records are compared, ``play`` the whole evening.
"""

from agent.demo.plants import PLANTS
from agent.demo.play import play

__all__ = ["PLANTS", "play"]
