"""The catalogue's audio features of what was measured: rules of thumb, one a feature, each with its source and limits.

Nothing here was fitted to a service's values: no recordings with such values may be had freely. The ends of each ramp
were set by hand so that real clips stand in the order that ears put them (13 of librosa's; docs/adr/0021-sound.md).
So an estimate says "more than" or "less than" of two tracks that were both estimated, not how a service would call it.
Tempo and loudness are measured and not named here.
"""

import math
from typing import Final

from backend.domain.tracks import AudioFeatures
from importers.audio.listening import Measures

ESTIMATED: Final = (
    *("danceability", "energy", "valence", "acousticness", "instrumentalness", "liveness", "speechiness"),
)
"""What `audio_features` makes by rule; the other two are measured."""


def audio_features(measures: Measures) -> AudioFeatures:
    """Shares in 0..1; tempo and loudness as measured, within what the contract takes."""
    return AudioFeatures(
        danceability=_danceability(measures),
        energy=_energy(measures),
        valence=_valence(measures),
        acousticness=_acousticness(measures),
        instrumentalness=_instrumentalness(measures),
        liveness=_liveness(measures),
        speechiness=_speechiness(measures),
        tempo=min(measures.tempo, 1000.0),
        loudness=min(max(measures.loudness, -120.0), 20.0),
        estimated=ESTIMATED,
    )


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _danceability(of: Measures) -> float:
    """A clear beat (3/5) near the tempo at which people move, about 120 a minute (2/5; Moelants 2002).

    Limits: a waltz has a clear beat too; a tempo an octave off counts as it is heard.
    """
    near = math.exp(-0.5 * (math.log2(of.tempo / 120) / 0.5) ** 2) if of.tempo > 0 else 0.0
    return 0.6 * _ramp(of.pulse, 0.1, 0.7) + 0.4 * near


def _energy(of: Measures) -> float:
    """Loud (1/2), busy (1/4), bright (1/4): what arousal in music goes with (Gabrielsson and Lindström 2010).

    Limits: loudness is also a matter of mastering.
    """
    return 0.5 * _ramp(of.loudness, -32, -8) + 0.25 * _ramp(of.onsets, 0.5, 6) + 0.25 * _ramp(of.centroid, 600, 3000)


def _valence(of: Measures) -> float:
    """Major and fast sound happier than minor and slow (Husain, Thompson and Schellenberg 2002); never far from 1/2.

    Limits: the weakest of all; signals explain little of it (Eerola 2011), and words, which it leans on, are not heard.
    """
    major = max(-1.0, min(1.0, of.mode / 0.3))
    fast = 2 * _ramp(of.tempo, 70, 160) - 1
    busy = 2 * _ramp(of.onsets, 1, 6) - 1
    return 0.5 + 0.2 * major + 0.1 * fast + 0.1 * busy


def _acousticness(of: Measures) -> float:
    """Little power above the strings' and voices' (1/2), tonal (3/10), not pressed to one level (1/5).

    Limits: a soft synthesiser passes for acoustic, a bright cymbal does not.
    """
    return (
        0.5 * (1 - _ramp(of.rolloff, 1500, 6000))
        + 0.3 * (1 - _ramp(of.flatness, -50, -20))
        + 0.2 * _ramp(of.spread, 5, 25)
    )


def _speechiness(of: Measures) -> float:
    """Pauses, a changing zero-crossing rate (Scheirer and Slaney 1997) and syllables' onsets, and no beat under them.

    Limits: rap over a beat is missed; one bird or drum without a beat is taken for a voice at times.
    """
    voice = _ramp(of.pauses, 0.1, 0.35) * _ramp(of.crossings, 0.02, 0.07) * _ramp(of.onsets, 1.5, 4)
    return (1 - _ramp(of.pulse, 0.1, 0.4)) * math.cbrt(voice)


def _instrumentalness(of: Measures) -> float:
    """What neither speaks nor moves at the pace of syllables (modulation at 3 to 6 Hz; Scheirer and Slaney 1997).

    Limits: a voice in a band is not told from a lead instrument, so that nothing without speech is far from 1/2.
    """
    sung = _ramp(of.syllables, 0.1, 0.5)
    return (1 - _speechiness(of)) * (0.75 - 0.4 * sung)


def _liveness(of: Measures) -> float:
    """Noise where the music is quiet (a room, an audience) over a mix that was not pressed to one level.

    Limits: tape hiss and rain pass for an audience; applause at the ends is outside the window. At most 0.6.
    """
    return 0.1 + 0.5 * _ramp(of.hush, -35, -12) * _ramp(of.spread, 8, 25)
