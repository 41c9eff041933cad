"""The simulated listeners: what they like, how much they listen, and when."""

from dataclasses import dataclass

import numpy as np

from training.simulate.catalogue import Catalogue
from training.simulate.chance import Floats, Ints, stream
from training.simulate.genres import GENRES, SCENES, STYLES_PER_GENRE

FAVOURITES = 10
"""Artists that a listener comes back to."""

RHYTHMS = ("commuter", "evening", "night")
_RHYTHM_SHARES = (0.45, 0.4, 0.15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Listeners by number.

    `activity` (n,) is each one's share of all sessions; `rhythms` (n,) the number of their rhythm in `RHYTHMS`;
    `taste` (n, scenes) what they like, each row summing to 1; `favourites` (n, FAVOURITES or fewer) artists, dearest
    first; `loyalty` (n,) the share of plays that go to favourites: low for explorers.
    """

    listener_ids: tuple[str, ...]
    activity: Floats
    rhythms: Ints
    taste: Floats
    favourites: Ints
    loyalty: Floats


def make_listeners(seed: int, catalogue: Catalogue, *, listeners: int) -> Listeners:
    """So many listeners of that catalogue."""
    rng = stream(seed, "listeners")
    activity = rng.lognormal(0.0, 0.9, listeners)
    taste = _taste(rng, catalogue, listeners)
    # Gumbel-top-k: favourites are drawn without repeats, in proportion to taste and popularity.
    attraction = np.log(taste[:, catalogue.scenes] * catalogue.popularity**0.7 + 1e-12)
    order = np.argsort(-(attraction + rng.gumbel(size=attraction.shape)), axis=1)
    return Listeners(
        listener_ids=tuple(f"sim{seed}-listener-{number:04}" for number in range(listeners)),
        activity=activity / activity.sum(),
        rhythms=rng.choice(len(RHYTHMS), size=listeners, p=_RHYTHM_SHARES),
        taste=taste,
        favourites=order[:, :FAVOURITES],
        loyalty=rng.beta(5.0, 3.0, listeners),
    )


def _taste(rng: np.random.Generator, catalogue: Catalogue, listeners: int) -> Floats:
    """Few genres per listener (a Dirichlet far below 1 is sparse) and a leaning among each genre's styles."""
    genres = rng.dirichlet([0.12 * genre.weight for genre in GENRES], listeners)
    styles = rng.dirichlet([0.6] * STYLES_PER_GENRE, (listeners, len(GENRES)))
    taste = (genres[:, :, None] * styles).reshape(listeners, len(SCENES))
    # Nobody can like a scene that no artist of the catalogue belongs to.
    taste = (taste + 1e-6) * (np.bincount(catalogue.scenes, minlength=len(SCENES)) > 0)
    normalised: Floats = taste / taste.sum(axis=1, keepdims=True)
    return normalised


def hour_weights(rhythm: int, *, weekend: bool) -> Floats:
    """How a rhythm's sessions spread over the hours 0..23 UTC; the weights sum to 1."""
    hours = np.arange(24)

    def bump(at: float, width: float) -> Floats:
        distance = np.abs((hours - at + 12) % 24 - 12)
        weights: Floats = np.exp(-0.5 * (distance / width) ** 2)
        return weights

    weekdays = (
        bump(8, 1.2) + 0.4 * bump(12.5, 1.5) + bump(17.5, 1.5) + 0.5 * bump(20.5, 1.8),
        0.3 * bump(9, 2.0) + 0.3 * bump(13, 2.0) + 1.2 * bump(20, 2.2),
        0.3 * bump(15, 2.5) + bump(22, 2.0) + 0.7 * bump(1, 1.5),
    )
    # At weekends the morning starts late and the evening lasts.
    weekends = (
        0.8 * bump(11, 2.2) + 0.8 * bump(16, 2.5) + 0.8 * bump(20.5, 2.2),
        0.6 * bump(12, 2.2) + 1.2 * bump(20.5, 2.6),
        0.4 * bump(16, 2.5) + bump(22.5, 2.0) + bump(1.5, 1.8),
    )
    weights = (weekends if weekend else weekdays)[rhythm] + 0.02
    normalised: Floats = weights / weights.sum()
    return normalised
