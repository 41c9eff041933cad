"""Made-up names of artists, tracks and albums."""

import itertools
from collections.abc import Callable

import numpy as np

from training.simulate.genres import Genre, words

_FIRST = words(
    "Ada Amara Anton Beatriz Bruno Camille Carmen Dario Delphine Elio Esme Farah Femi Greta Hana Hugo Ines Ivo Jonas "
    "Juno Kaito Lena Leon Lucia Mara Marek Mateo Mila Nadia Nils Noor Odile Omar Paloma Petra Rafael Rosa Sami "
    "Selma Silas Tariq Tess Thea Uma Vera Viktor Wanda Yara Yusuf Zora"
)
_LAST = words(
    "Abara Almeida Bergström Castellan Corvo Delacroix Dumont Eriksen Fontaine Galanis Haddad Halloway Ibarra Jansen "
    "Kowal Laurent Lindqvist Marchetti Mendes Moreau Nakata Novak Okafor Olsen Pereira Quist Rahal Rinaldi Santoro "
    "Sorensen Szabo Takeda Tomlin Ueda Valdés Varga Whitlock Winters Yilmaz Zamora"
)
_ADJECTIVES = words(
    "Amber Broken Burning Crooked Crystal Distant Electric Fading Feral Gilded Golden Hidden Hollow Idle Jagged Lonely "
    "Lost Lucid Marble Midnight Northern Paper Patient Quiet Rapid Restless Scarlet Secret Silver Slow Southern Tender "
    "Thirsty Velvet Violet Wandering Weightless Wild Winter Yellow"
)
_THINGS = words(
    "Antler Arcade Atlas Basilica Beacon Bicycle Cartographer Cathedral Comet Compass Coyote Delta Ferris Foxglove "
    "Gazelle Harvest Heron Hotel Kestrel Kite Lighthouse Magpie Mammoth Marigold Meridian Observatory Orchid "
    "Otter Palisade Parade Pavilion Pilot Satellite Station Swimmer Tambourine Telescope Tiger Violet Wolf"
)
_CITIES = words(
    "Bergen Bologna Cádiz Dakar Ghent Gdańsk Havana Izmir Kyoto Leipzig Lisbon Lyon Malmö Oaxaca Porto Riga Tbilisi"
)
_KEYS = words("A B C D E F G")

_PATTERNS: dict[str, tuple[str, ...]] = {
    "rock": ("The {adjective} {thing}s", "{adjective} {thing}", "{thing} & the {adjective} {noun}s"),
    "pop": ("{first}", "{first} {last}", "{adjective} {thing}"),
    "hip hop": ("{adjective} {first}", "MC {last}", "{first} {noun}"),
    "electronic": ("{noun} {thing}", "{last} & {last2}", "DJ {first}"),
    "metal": ("{noun} of {city}", "{adjective} {noun}", "{noun}{thing}"),
    "jazz": ("{first} {last} Trio", "{first} {last} Quartet", "The {city} {noun} Five"),
    "classical": ("{first} {last}", "{city} Chamber Players", "{last} Quartet"),
    "ambient": ("{thing} {noun}", "{noun} over {city}", "{adjective} {noun}"),
    "latin": ("{first} {last}", "Los {thing}s", "Orquesta {city}"),
    "reggae": ("{first} & the {noun}s", "{adjective} {noun} Sound", "{noun} {last}"),
}
_TITLES = (
    "{noun}",
    "{adjective} {noun}",
    "{noun} in {city}",
    "The {noun} and the {thing}",
    "{adjective} {thing}",
    "{noun} for {first}",
    "No More {noun}",
    "{noun} Again",
    "Until the {noun}",
    "{thing} {noun}",
)
_CLASSICAL_TITLES = ("{noun} No. {number} in {key} Minor", "{noun} No. {number} in {key} Major", "{adjective} {noun}")
_ALBUMS = ("{adjective} {thing}", "{noun}s", "{city}", "The {thing}", "{adjective} {noun}", "{noun} & {thing}")


class Namer:
    """Makes names that do not repeat, from one stream of chance."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._artists: set[str] = set()

    def artist(self, genre: Genre) -> str:
        """An artist's name in the manner of the genre, never given before."""
        patterns = _PATTERNS.get(genre.name, ("{first} {last}", "The {adjective} {thing}s", "{adjective} {noun}"))
        return _fresh(lambda: self._fill(patterns, genre), self._artists)

    def album(self, genre: Genre) -> str:
        """An album's name."""
        return self._fill(_ALBUMS, genre)

    def titles(self, genre: Genre, count: int) -> list[str]:
        """Titles of one artist's tracks, none twice."""
        taken: set[str] = set()
        patterns = _CLASSICAL_TITLES if genre.name == "classical" else _TITLES
        return [_fresh(lambda: self._fill(patterns, genre), taken) for _ in range(count)]

    def _pick(self, choices: tuple[str, ...]) -> str:
        return choices[int(self._rng.random() * len(choices))]

    def _fill(self, patterns: tuple[str, ...], genre: Genre) -> str:
        return self._pick(patterns).format(
            adjective=self._pick(_ADJECTIVES),
            thing=self._pick(_THINGS),
            noun=self._pick(genre.nouns),
            first=self._pick(_FIRST),
            last=self._pick(_LAST),
            last2=self._pick(_LAST),
            city=self._pick(_CITIES),
            key=self._pick(_KEYS),
            number=1 + int(self._rng.random() * 12),
        )


def _fresh(make: Callable[[], str], taken: set[str]) -> str:
    name = make()
    for _ in range(10):
        if name not in taken:
            break
        name = make()
    # Namesakes get a number, as real ones do.
    numbered = (f"{name} {number}" for number in itertools.count(2))
    name = name if name not in taken else next(other for other in numbered if other not in taken)
    taken.add(name)
    return name
