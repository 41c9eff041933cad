"""A believable music service made from a seed: catalogue, listeners, their plays, and incidents to be found.

Start at `simulation.simulate`; `interactions.interactions` makes the large synthetic sets that speed is measured on.
"""

from training.simulate.incidents import GroundTruth, Incident
from training.simulate.interactions import interactions
from training.simulate.simulation import Simulation, simulate

__all__ = ["GroundTruth", "Incident", "Simulation", "interactions", "simulate"]
