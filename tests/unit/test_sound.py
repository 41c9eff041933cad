"""What is said of audio without librosa: loudness, reading, tags, joining, memory, a source beside an estimate."""

import json
import math
import tracemalloc
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from backend.adapters.store import mongo_catalogue
from backend.domain.errors import InvalidInput, Unavailable
from backend.domain.tracks import AUDIO_FEATURES, AudioFeatures, Track, completed
from backend.ports.fields import MalformedRecord
from backend.ports.records import track_from_value, track_record
from importers.audio.estimates import ESTIMATED, audio_features
from importers.audio.folder import AudioFile
from importers.audio.joining import Table, read_table, song_key, track_ids
from importers.audio.listening import MOMENTS, Measures, moments
from importers.audio.loudness import LoudnessMeter
from importers.audio.memory import FILE, remembered
from importers.audio.reading import RATE, Unlistenable, read_clip
from importers.audio.sound import Sound
from importers.audio.spectrogram import write_spectrogram
from importers.audio.tags import Tags
from importers.rows import derived_id
from tests.audio_files import sine, write

HEARD = AudioFeatures(
    **dict.fromkeys(ESTIMATED, 0.5), tempo=120.0, loudness=-9.0, estimated=("danceability", "energy", "valence")
)
TRACK = Track(track_id="t", title="T", artist_ids=("a",), audio_features=HEARD)
MEASURES = Measures(
    tempo=120,
    loudness=-14,
    pulse=0.5,
    onsets=3,
    centroid=1500,
    rolloff=3000,
    flatness=-35,
    hush=-30,
    spread=15,
    pauses=0.2,
    syllables=0.2,
    crossings=0.04,
    mode=0.1,
)
SOUND = Sound(
    measures=MEASURES,
    statistics={"rmse": [[0.25]] * len(MOMENTS)},
    tags=Tags(title="T"),
    file_seconds=9.5,
    notes=("n",),
)


def audio_file(path: Path, *, size: int = 1, modified_ns: int = 1) -> AudioFile:
    """A file as it is found."""
    return AudioFile(path=path, name=path.name, size=size, modified_ns=modified_ns)


@pytest.mark.parametrize(
    ("rate", "channels", "expected"), [(48_000, 1, -23.01), (22_050, 1, -23.01), (44_100, 2, -20.0), (8_000, 1, -23.01)]
)
def test_loudness_of_a_sine_is_what_bs_1770_says(rate: int, channels: int, expected: float) -> None:
    """Peaks at -20 dBFS and 997 Hz: -23.01 LUFS in one channel, 3.01 more in two, at every rate, in pieces."""
    meter = LoudnessMeter(rate, channels)
    tone = np.repeat(sine(-20, rate=rate)[:, None], channels, axis=1).astype(np.float32)
    for start in range(0, len(tone), 7_001):
        meter.take(tone[start : start + 7_001])
    assert abs(meter.loudness() - expected) < 0.1


def test_quiet_passages_do_not_count_for_loudness() -> None:
    """The relative gate leaves out what lies 10 LU below the rest; silence has no loudness."""
    meter, silent = LoudnessMeter(RATE, 1), LoudnessMeter(RATE, 1)
    meter.take(np.concatenate([sine(-20), sine(-50)])[:, None].astype(np.float32))
    silent.take(np.zeros((RATE, 1), dtype=np.float32))
    # Blocks across the step count in part: some hundredths.
    assert abs(meter.loudness() + 23.01) < 0.15
    assert -math.inf == silent.loudness()


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_every_format_is_read_as_one_channel_at_one_rate(tmp_path: Path, name: str) -> None:
    """The middle of it, as loud as it was written."""
    clip = read_clip(write(tmp_path / name, sine(-20, rate=44_100), rate=44_100), seconds=4)
    assert 4 * RATE == len(clip.samples)
    assert abs(clip.loudness + 23.01) < 0.5
    assert abs(clip.file_seconds - 6) < 0.2


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.wav", b"", "is empty"),
        ("page.mp3", b" <!DOCTYPE html><html>404", "of no format that is known; it is a web page"),
        ("zeros.flac", bytes(4_000), "cannot be decoded.*nothing but zeros"),
        ("noise.ogg", b"OggS" + b"\x01\xfe" * 2_000, "cannot be decoded"),
        ("gone.wav", None, "No such file"),
    ],
)
def test_what_is_no_sound_says_why(tmp_path: Path, name: str, content: bytes | None, told: str) -> None:
    """And nothing else is raised."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Unlistenable, match=told):
        read_clip(tmp_path / name)


def test_what_is_cut_short_is_read_as_far_as_it_goes_or_says_why_not(tmp_path: Path) -> None:
    """A WAV and an MP3 with a note; a FLAC that loses its sync, and a clip of two seconds, not at all."""
    for name in ("a.wav", "a.mp3", "a.flac"):
        whole = write(tmp_path / name, sine(-20)).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) * 7 // 10])
    assert ("is cut short: its header promises more than it holds",) == read_clip(tmp_path / "a.wav").notes
    assert "breaks off after" in read_clip(tmp_path / "a.mp3").notes[0]
    with pytest.raises(Unlistenable, match="cannot be decoded"):
        read_clip(tmp_path / "a.flac")
    with pytest.raises(Unlistenable, match=r"holds 2\.00 s of sound; at least 3 s"):
        read_clip(write(tmp_path / "short.wav", sine(-20, seconds=2)))


def test_what_is_decoded_well_and_no_sound_says_why(tmp_path: Path) -> None:
    """Silence, channels that cancel out, samples of another scale, samples that are no numbers."""
    tone = sine(-20)
    odd = {
        "is silent": np.zeros(4 * RATE),
        "cancel each other out": np.stack([tone, -tone], axis=1),
        "times full scale": 1e20 * tone,
        "no numbers": np.where(np.arange(len(tone)) == 9, np.nan, tone),
    }
    for reason, samples in odd.items():
        soundfile.write(tmp_path / "odd.wav", samples, RATE, subtype="FLOAT")
        with pytest.raises(Unlistenable, match=reason):
            read_clip(tmp_path / "odd.wav")


def test_a_long_file_costs_the_memory_of_its_window(tmp_path: Path) -> None:
    """Two hours, of which ten seconds are read: less than 20 MB, where all of it would be 635."""
    path = write(tmp_path / "long.wav", sine(-20))
    hours = 2 * 3600 * RATE * 2
    with path.open("r+b") as file:
        head = bytearray(file.read(44))
        head[4:8], head[40:44] = (hours + 36).to_bytes(4, "little"), hours.to_bytes(4, "little")
        file.seek(0)
        file.write(head)
        file.seek(44 + hours // 2 - 10 * RATE)
        file.write((sine(-20, seconds=10) * 32_767).astype("<i2").tobytes())
        file.truncate(44 + hours)
    tracemalloc.start()
    clip = read_clip(path, seconds=10)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (10 * RATE, 7_200) == (len(clip.samples), round(clip.file_seconds))
    assert most < 20_000_000


def test_a_sources_word_stays_and_an_estimate_gives_way() -> None:
    """What is unknown (tempo and loudness of 0) or estimated is taken; nothing else, whatever is offered."""
    told = AudioFeatures(**dict.fromkeys(ESTIMATED, 0.9), tempo=0.0, loudness=-5.0, estimated=("valence",))
    result = completed(told, HEARD)
    assert replace(told, valence=0.5, tempo=120.0) == result
    assert ("valence",) == result.estimated
    assert HEARD == completed(None, HEARD)
    assert () == completed(told, replace(HEARD, estimated=())).estimated


def test_records_say_what_is_estimated_and_older_ones_are_read_as_before() -> None:
    """Without estimates a record has the shape it always had; a name that is no feature is malformed."""
    assert TRACK == track_from_value(track_record(TRACK).value)
    told = replace(TRACK, audio_features=replace(HEARD, estimated=()))
    old = track_record(told).value
    assert set(AUDIO_FEATURES) == json.loads(old)["audio_features"].keys()
    assert told == track_from_value(old)
    with pytest.raises(MalformedRecord, match="estimated is 'mood'"):
        track_from_value(track_record(TRACK).value.replace(b'"valence"]', b'"mood"]'))


def test_documents_say_what_is_estimated_and_older_ones_are_read_as_before() -> None:
    """In the store likewise: one without the field has no estimates."""
    document = json.loads(json.dumps(asdict(TRACK)))
    assert TRACK == mongo_catalogue._track(document)
    del document["audio_features"]["estimated"]
    assert replace(TRACK, audio_features=replace(HEARD, estimated=())) == mongo_catalogue._track(document)


def test_estimates_are_shares_whatever_was_measured() -> None:
    """Also for measures far outside of music; tempo and loudness stay measured, within what the contract takes."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        wild = {name: float(rng.normal(scale=1_000)) for name in Measures.__dataclass_fields__}
        features = audio_features(Measures(**wild | {"tempo": abs(wild["tempo"])}))
        assert all(0 <= getattr(features, name) <= 1 for name in ESTIMATED)
        assert 0 <= features.tempo <= 1000
        assert -120 <= features.loudness <= 20
    assert (120, -14) == (audio_features(MEASURES).tempo, audio_features(MEASURES).loudness)


def test_moments_are_those_of_a_known_row() -> None:
    """0, 0, 0, 4 by hand; a row that never changes has neither skew nor kurtosis."""
    found = dict(zip(MOMENTS, moments([[0, 0, 0, 4], [2, 2, 2, 2]]).T.T, strict=True))
    expected = {"max": 4, "mean": 1, "median": 0, "min": 0, "std": math.sqrt(3), "skew": 2 / math.sqrt(3)}
    assert expected == pytest.approx({name: found[name][0] for name in expected})
    assert abs(found["kurtosis"][0] - (7 / 3 - 3)) < 1e-9
    assert [0, 2, 2, 2, 2, 0, 0] == [found[name][1] for name in MOMENTS]


def test_ids_are_tried_from_the_most_certain_on(tmp_path: Path) -> None:
    """The table's path alone; else table by tags, FMA's number, the name, ids of tags, ids derived of names."""
    tags = Tags(
        title="A  Song", artists=("The Band",), isrc="USABC1234567", recording="f" * 8 + "-0000" * 3 + "-" + "0" * 12
    )
    table = Table({("path", "x/000002.mp3"): "by-path", ("song", song_key("the band", "a song")): "by-song"})
    file = replace(audio_file(tmp_path / "000002.mp3"), name="x/000002.mp3")
    assert ("by-path",) == track_ids(file, tags, table)
    ids = track_ids(audio_file(tmp_path / "000002.mp3"), tags, table)
    named = ("by-song", "fma:track:2", "000002", f"musicbrainz:recording:{tags.recording}", tags.recording)
    assert (*named, "isrc:USABC1234567", "USABC1234567") == ids[:7]
    assert derived_id("lastfm-track", "The Band", "A  Song") in ids
    assert () == track_ids(audio_file(tmp_path / "no id.mp3"), Tags(), Table())


def test_a_table_that_lacks_its_columns_is_refused(tmp_path: Path) -> None:
    """It names what it needs; a table with keys of two kinds is read by both."""
    (tmp_path / "bad.csv").write_text("path,id\na,b\n")
    with pytest.raises(InvalidInput, match="track_id"):
        read_table(tmp_path / "bad.csv")
    (tmp_path / "good.csv").write_text("Path,track_id,artist,title\n./a\\b.mp3,t1,,\n,t2,Band,Song\n")
    ids = read_table(tmp_path / "good.csv").ids
    assert {("path", "a/b.mp3"): "t1", ("song", song_key("BAND", "song")): "t2"} == ids


def test_memory_is_of_the_file_as_it_was_and_of_these_seconds(tmp_path: Path) -> None:
    """A file that changed, other seconds and a broken row are nothing heard; what is no database is told."""
    file = audio_file(tmp_path / "a.wav")
    with remembered(tmp_path, seconds=60) as memory:
        assert memory.get(file) is None
        memory.put(file, SOUND)
        assert SOUND == memory.get(file)
        assert memory.get(replace(file, size=2)) is None
        assert memory.get(replace(file, modified_ns=2)) is None
    with remembered(tmp_path, seconds=30) as memory:
        assert memory.get(file) is None
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / FILE).write_bytes(b"no database" * 100)
    with pytest.raises(Unavailable, match="delete it"), remembered(broken, seconds=60):
        pass


def test_a_spectrogram_is_an_image_of_a_pixel_a_band_and_frame(tmp_path: Path) -> None:
    """Low bands lie at the bottom; the loudest point is white, and what is 80 dB below it black."""
    from PIL import Image

    mel = np.full((128, 40), -90.0, dtype=np.float32)
    mel[0, 0] = 0
    write_spectrogram(tmp_path / "deep" / "a.png", mel)
    with Image.open(tmp_path / "deep" / "a.png") as image:
        image.load()
        assert ((40, 128), 255, 0) == (image.size, image.getpixel((0, 127)), image.getpixel((1, 127)))
