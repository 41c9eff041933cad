"""What the simulator knows of music: genres with their styles, moods, sound and words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Genre:
    """One genre.

    `weight` is its share of artists and taste (relative). `sound` holds the means of danceability, energy, valence,
    acousticness, instrumentalness, liveness and speechiness (0..1); `tempo` is in beats per minute, `loudness` in dBFS,
    `minutes` the median length of a track. `nouns` are the words its titles are made of.
    """

    name: str
    styles: tuple[str, str, str]
    moods: tuple[str, ...]
    nouns: tuple[str, ...]
    weight: float
    sound: tuple[float, float, float, float, float, float, float]
    tempo: float
    loudness: float
    minutes: float


def words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


GENRES = (
    Genre(
        name="pop",
        styles=("dance pop", "indie pop", "synth pop"),
        moods=("catchy", "bright", "summer", "party", "romantic"),
        nouns=words("Heart Summer Tonight Mirror Kiss Lipstick Diamond Weekend Polaroid Balcony Crush Candy"),
        weight=1.6,
        sound=(0.67, 0.69, 0.58, 0.18, 0.03, 0.18, 0.08),
        tempo=118,
        loudness=-5.5,
        minutes=3.3,
    ),
    Genre(
        name="rock",
        styles=("indie rock", "classic rock", "post-punk"),
        moods=("driving", "restless", "nostalgic", "loud", "road trip"),
        nouns=words("Highway Engine Wire Thunder Neon Rust Motel Static Riot Horizon Gasoline Shadow"),
        weight=1.5,
        sound=(0.50, 0.77, 0.51, 0.12, 0.10, 0.22, 0.06),
        tempo=126,
        loudness=-6.3,
        minutes=3.9,
    ),
    Genre(
        name="hip hop",
        styles=("boom bap", "trap", "jazz rap"),
        moods=("confident", "street", "late night", "workout", "witty"),
        nouns=words("Crown Corner Hustle Cipher Gold Block Money Chapter Concrete Alibi Verse Paper"),
        weight=1.3,
        sound=(0.74, 0.64, 0.48, 0.17, 0.02, 0.20, 0.24),
        tempo=98,
        loudness=-6.8,
        minutes=3.2,
    ),
    Genre(
        name="electronic",
        styles=("deep house", "techno", "drum and bass"),
        moods=("hypnotic", "club", "pulsing", "night", "workout"),
        nouns=words("Circuit Pulse Signal Voltage Strobe Machine Orbit Laser Frequency Subway Vector Warehouse"),
        weight=1.2,
        sound=(0.70, 0.82, 0.42, 0.06, 0.55, 0.17, 0.07),
        tempo=128,
        loudness=-6.6,
        minutes=5.4,
    ),
    Genre(
        name="r&b",
        styles=("neo soul", "contemporary r&b", "classic soul"),
        moods=("smooth", "sensual", "warm", "slow", "romantic"),
        nouns=words("Velvet Honey Touch Silk Candle Promise Sugar Midnight Whisper Morning Skin Devotion"),
        weight=0.9,
        sound=(0.63, 0.52, 0.50, 0.30, 0.03, 0.16, 0.10),
        tempo=94,
        loudness=-7.4,
        minutes=3.8,
    ),
    Genre(
        name="folk",
        styles=("singer-songwriter", "americana", "chamber folk"),
        moods=("acoustic", "gentle", "autumn", "campfire", "wistful"),
        nouns=words("River Orchard Lantern Meadow Sparrow Harbor Letter Cedar Hollow Porch Winter Ferry"),
        weight=0.9,
        sound=(0.50, 0.36, 0.42, 0.74, 0.08, 0.15, 0.04),
        tempo=112,
        loudness=-10.9,
        minutes=3.7,
    ),
    Genre(
        name="metal",
        styles=("death metal", "doom metal", "power metal"),
        moods=("heavy", "dark", "aggressive", "epic", "loud"),
        nouns=words("Ash Throne Serpent Iron Wrath Crypt Obsidian Raven Plague Ember Titan Abyss"),
        weight=0.8,
        sound=(0.38, 0.92, 0.30, 0.02, 0.30, 0.25, 0.09),
        tempo=132,
        loudness=-5.0,
        minutes=4.8,
    ),
    Genre(
        name="jazz",
        styles=("hard bop", "cool jazz", "jazz fusion"),
        moods=("swinging", "late night", "mellow", "smoky", "improvised"),
        nouns=words("Train Cigarette Avenue Lullaby Saxophone Brushes Cellar Taxi Moon Waltz Blues Bourbon"),
        weight=0.7,
        sound=(0.52, 0.38, 0.52, 0.70, 0.48, 0.20, 0.05),
        tempo=114,
        loudness=-12.6,
        minutes=5.8,
    ),
    Genre(
        name="latin",
        styles=("reggaeton", "salsa", "bossa nova"),
        moods=("dancing", "sunny", "party", "warm", "romantic"),
        nouns=words("Fuego Luna Playa Corazón Noche Verano Sombra Ritmo Mar Flor Calle Cielo"),
        weight=0.9,
        sound=(0.72, 0.67, 0.68, 0.28, 0.03, 0.18, 0.10),
        tempo=108,
        loudness=-6.2,
        minutes=3.5,
    ),
    Genre(
        name="classical",
        styles=("solo piano", "string quartet", "baroque"),
        moods=("calm", "elegant", "melancholy", "focus", "rainy evening"),
        nouns=words("Nocturne Prelude Sonata Étude Elegy Serenade Fantasia Intermezzo Rondo Minuet Largo Berceuse"),
        weight=0.6,
        sound=(0.32, 0.16, 0.24, 0.95, 0.86, 0.13, 0.04),
        tempo=102,
        loudness=-21.0,
        minutes=4.6,
    ),
    Genre(
        name="ambient",
        styles=("drone", "space ambient", "piano ambient"),
        moods=("sleep", "calm", "drifting", "focus", "slow"),
        nouns=words("Drift Tide Glacier Halo Vapour Stillness Aurora Distance Cloud Snowfall Lagoon Dust"),
        weight=0.6,
        sound=(0.27, 0.18, 0.16, 0.82, 0.89, 0.12, 0.04),
        tempo=92,
        loudness=-19.5,
        minutes=5.2,
    ),
    Genre(
        name="reggae",
        styles=("roots reggae", "dub", "dancehall"),
        moods=("laid back", "sunny", "warm", "conscious", "slow"),
        nouns=words("Island Lion Zion Echo Sunday Rain Bassline Mango Kingston Freedom Smoke Roots"),
        weight=0.5,
        sound=(0.74, 0.55, 0.69, 0.22, 0.08, 0.18, 0.11),
        tempo=92,
        loudness=-7.6,
        minutes=4.0,
    ),
)

STYLES_PER_GENRE = 3
SCENES = tuple((genre, style) for genre in GENRES for style in genre.styles)
"""Genre and style together; scene number = STYLES_PER_GENRE · genre number + style number."""
