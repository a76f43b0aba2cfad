"""The folder of the simulation, for its journals are written here as well."""

from tests.simulation.conftest import fast_folder

__all__ = ["fast_folder"]
