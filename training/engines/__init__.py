"""Engines that turn interactions into factors: one contract, several technologies."""
