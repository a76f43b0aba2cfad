"""The way in for a POS: requests of any transport become calls of the engine, and its answers become replies."""

from agent.edges.pos.desk import PosDesk

__all__ = ["PosDesk"]
