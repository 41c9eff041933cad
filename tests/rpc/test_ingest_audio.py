"""`segue ingest audio` against a real server: from a folder of files to the log, the store, training and an answer.

What needs librosa stands in this one file: the server that workers are forked from imports it once.
"""

import csv
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Any

import mutagen
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from segue.v1 import catalogue_pb2, ingest_pb2, recommend_pb2

from backend.domain.errors import Unavailable
from backend.domain.tracks import AUDIO_FEATURES, Artist, AudioFeatures, Track
from backend.ports.event_log import Topic
from backend.ports.records import track_from_value
from cli.main import run
from importers.audio.estimates import ESTIMATED
from importers.audio.folder import AudioFile, find
from importers.audio.memory import FILE
from importers.audio.sending import Fate, Offer, Sender
from importers.audio.sound import Sound
from importers.audio.tags import Tags
from importers.audio.workers import ENDED, Workers
from tests.audio_files import chords, clicks, fma_folder, sine, write
from tests.rpc.conftest import World, running
from training.data.exclusions import Limits
from training.material import data_window, read_material

ROOT = Path(__file__).parents[2]
CLIPS = ROOT / "../shared/data/librosa-audio"
SPEECH = ("198-209-0000.ogg", "3436-172162-0000.ogg", "5703-47212-0000.ogg")

NO_LIMITS = Limits(day_plays=0, day_repeats=0, listener_plays=0, track_plays=0)

TOLD = AudioFeatures(**dict.fromkeys(AUDIO_FEATURES, 0.25) | {"tempo": 111.0, "loudness": 0.0})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FMA's layout with three tracks, and files that are none beside them."""
    root = tmp_path_factory.mktemp("audio")
    folder = fma_folder(root)
    (folder / "000" / "000010.mp3").write_text("<!DOCTYPE html><html><title>404</title></html>")
    (folder / "001" / "001011.wav").write_bytes(b"")
    write(folder / "001" / "001012.wav", sine(-120))
    return folder


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A server whose catalogue has FMA's three tracks, as their metadata tells them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("SEGUE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))
    with running(tmp_path, with_model=True) as world:
        world.store.put_artists([Artist(artist_id="fma:artist:1", name="AWOL")])
        world.store.put_tracks(
            Track(
                track_id=f"fma:track:{number}",
                title=f"Song {number}",
                artist_ids=("fma:artist:1",),
                tags=("Hip-Hop",),
                audio_features=TOLD if number == 5 else None,
            )
            for number in (2, 5, 1010)
        )
        monkeypatch.setenv("SEGUE_SERVER_ADDRESS", f"127.0.0.1:{world.server.port}")
        monkeypatch.setenv("SEGUE_TOKEN", (world.tokens / "operator.token").read_text().strip())
        yield world


def played(*track_ids: str) -> list[dict[str, object]]:
    """A play of each, as rows of the archive."""
    return [
        {
            "event_id": track_id,
            "listener_id": "l",
            "track_id": track_id,
            "played_at": datetime(2026, 11, 20, tzinfo=UTC),
            "milliseconds_played": 30_000,
            "track_milliseconds": 30_000,
            "allow_training": True,
        }
        for track_id in track_ids
    ]


def ingest(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    """`segue ingest audio … --json`: its exit code, and what it told with each file under its name."""
    code = run(["ingest", "audio", *map(str, arguments), "--jobs", "1", "--json"])
    told = json.loads(capsys.readouterr().out.splitlines()[-1])  # the server logs before it
    return code, told | {"files": {one["file"]: one for one in told["files"]}}


def test_fma_folder_reaches_log_store_training_and_answer(
    world: World, files: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each track keeps its title and tags, and its estimates are known as such all the way; bad files cost nobody.

    What the source told of track 5 stays; only its loudness, which nobody knew, is measured.
    """
    code, told = ingest(capsys, files, "--statistics", tmp_path / "features.csv", "--spectrograms", tmp_path / "images")
    assert (1, 3, 3, 0) == (code, told["updated"], told["failed"], told["unknown"])
    reasons = {name: one["reason"] for name, one in told["files"].items() if one["outcome"] == "failed"}
    assert "it is a web page" in reasons["000/000010.mp3"]
    assert "is empty" in reasons["001/001011.wav"]
    assert "is silent" in reasons["001/001012.wav"]
    logged = {track.track_id: track for track in map(track_from_value, world.log.values(Topic.TRACKS))}
    stored = world.store.tracks(["fma:track:2", "fma:track:5", "fma:track:1010"])
    assert stored == logged
    beat, known = stored["fma:track:2"], stored["fma:track:5"].audio_features
    assert ("Song 2", ("Hip-Hop",)) == (beat.title, beat.tags)
    assert beat.audio_features is not None
    assert known is not None
    assert ESTIMATED == beat.audio_features.estimated
    assert abs(beat.audio_features.tempo - 120) < 3
    assert replace(TOLD, loudness=known.loudness) == known
    assert -40 < known.loudness < -20
    (tmp_path / "archive").mkdir()
    pq.write_table(pa.Table.from_pylist(played("fma:track:2", "fma:track:5")), tmp_path / "archive" / "part-0")
    material = read_material(world.store, (tmp_path / "archive").as_uri(), NO_LIMITS)
    assert ["fma:track:1010", "fma:track:2", "fma:track:5"] == material.feature_ids
    assert known.loudness == pytest.approx(material.features[2, AUDIO_FEATURES.index("loudness")])
    window = data_window(material)
    assert (2, 3, 2) == (window.plays, window.sounds, window.estimated_sounds)
    with (tmp_path / "features.csv").open() as file:
        rows = list(csv.reader(file))
    assert ["feature", "statistics", "number", "track_id"] == [row[0] for row in rows[:4]]
    assert ["fma:track:2", "fma:track:5", "fma:track:1010"] == [row[0] for row in rows[4:]]
    assert {"mfcc", "chroma_stft", "spectral_contrast"} <= set(rows[0])
    assert {len(rows[0])} == {len(row) for row in rows}
    assert (tmp_path / "images" / "000" / "000002.mp3.png").read_bytes().startswith(b"\x89PNG")


def test_what_was_listened_to_is_remembered(world: World, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run listens to what failed only, and changes nothing; other seconds are listened to anew."""
    ingest(capsys, files)
    size = len(world.log.values(Topic.TRACKS))
    _, again = ingest(capsys, files)
    assert (3, 3) == (again["remembered"], again["unchanged"])
    assert size == len(world.log.values(Topic.TRACKS))
    _, other = ingest(capsys, files, "--seconds", 4)
    assert 0 == other["remembered"]


def test_files_are_joined_by_table_and_tags_and_new_ones_only_when_asked_for(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By path, by ISRC, by artist and title (search); what nobody knows is told, with --add put in from its tags."""
    folder = tmp_path / "music"
    tone = chords(100, seconds=3.5)
    write(folder / "a.wav", tone)
    tagged = {
        "b.flac": {"isrc": "US-ABC-12-34567"},
        "c.ogg": {"artist": "artist 3", "title": "Techno  3"},
        "d.flac": {"artist": "Nobody", "title": "Ne\x1bw", "genre": "Ambient", "date": "2020-02-30"},
    }
    for name, tags in tagged.items():
        write(folder / name, tone)
        found = mutagen.File(folder / name, easy=True)
        assert found is not None
        found.update(tags)
        found.save()
    write(folder / "e.wav", tone)
    (tmp_path / "tracks.csv").write_text("track_id,path,isrc\nt10,a.wav,\nt11,,usabc1234567\n!,x,\n")
    code, told = ingest(capsys, folder, "--tracks", tmp_path / "tracks.csv")
    joined = {name: (one["outcome"], one["track_id"]) for name, one in told["files"].items()}
    expected = {"a.wav": ("updated", "t10"), "b.flac": ("updated", "t11"), "c.ogg": ("updated", "t3")}
    assert {**expected, "d.flac": ("unknown", ""), "e.wav": ("unknown", "")} == joined
    assert told["files"]["d.flac"]["reason"].endswith("asked for d, 'New' by Nobody")
    assert (1, [4]) == (code, [bad["line"] for bad in told["bad_rows"]])
    _, added = ingest(capsys, folder, "--tracks", tmp_path / "tracks.csv", "--add")
    new = added["files"]["d.flac"]
    assert "added" == new["outcome"]
    assert "tags lack the title" in added["files"]["e.wav"]["reason"]
    track = world.store.tracks([new["track_id"]])[new["track_id"]]
    assert ("New", "", ("Ambient",), 3500) == (track.title, track.released_on, track.tags, track.duration_milliseconds)
    assert ["Nobody"] == [one.name for one in world.store.artists(track.artist_ids).values()]
    _, again = ingest(capsys, folder, "--tracks", tmp_path / "tracks.csv", "--add")
    assert "unchanged" == again["files"]["d.flac"]["outcome"]


def test_an_answer_tells_how_a_track_sounds_and_what_is_estimated(world: World) -> None:
    """The features that an app sees name those that no source told."""
    features = catalogue_pb2.AudioFeatures(energy=0.5, tempo=120, loudness=-9, estimated=["energy"])
    request = ingest_pb2.UpsertAudioFeaturesRequest(
        tracks=[{"track_id": "t2", "audio_features": features}, {"track_id": "nobody", "audio_features": features}]
    )
    taken, unknown = world.ingest.UpsertAudioFeatures(request).results
    assert (ingest_pb2.INGEST_OUTCOME_ACCEPTED, "t2") == (taken.outcome, taken.id)
    assert "tracks[1].track_id" == unknown.violations[0].field
    answer = world.recommend.SimilarTracks(recommend_pb2.SimilarTracksRequest(track_id="t0", page_size=59))
    (track,) = [track for track in answer.tracks if track.track_id == "t2"]
    assert (["energy"], 120) == (list(track.audio_features.estimated), track.audio_features.tempo)
    assert not [one for one in answer.tracks if one.track_id == "t4" and one.HasField("audio_features")]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"estimated": ["mood"]}, "tracks[0].audio_features.estimated[0]"),
        ({"estimated": ["energy", "energy"]}, "tracks[0].audio_features.estimated"),
        ({"energy": 7.3}, "tracks[0].audio_features.energy"),
    ],
)
def test_features_that_break_a_rule_are_refused_by_name(world: World, wrong: dict[str, Any], field: str) -> None:
    """And the good one beside them is taken."""
    sounds = [{"track_id": "t2", "audio_features": wrong}, {"track_id": "t3", "audio_features": {"energy": 0.5}}]
    refused, taken = world.ingest.UpsertAudioFeatures(ingest_pb2.UpsertAudioFeaturesRequest(tracks=sounds)).results
    assert (field, ingest_pb2.INGEST_OUTCOME_ACCEPTED) == (refused.violations[0].field, taken.outcome)


def test_what_the_log_does_not_confirm_is_sent_again(world: World) -> None:
    """Until it does; where it never does, the sentence says that nothing need be listened to again."""
    offer = Offer(track_ids=("nobody", "t2"), audio_features=replace(TOLD, estimated=ESTIMATED), tags=Tags())
    world.log.down = True
    with pytest.raises(Unavailable, match=r"1 tracks are not stored.*what was listened to is remembered"):
        Sender(world.channel(), retry_delays=(0.0,)).send([offer])
    Timer(0.3, lambda: setattr(world.log, "down", False)).start()
    assert [Fate("updated", "t2")] == Sender(world.channel(), retry_delays=(0.1,) * 50).send([offer])


def test_a_file_that_may_not_be_read_costs_only_itself(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A pipe, which would be waited for, and a link to nowhere have their lines; the good file is heard."""
    folder = tmp_path / "odd"
    write(folder / "t7.wav", chords(100, seconds=3.5))
    os.mkfifo(folder / "pipe.wav")
    (folder / "gone.ogg").symlink_to("nowhere.ogg")
    code, told = ingest(capsys, folder)
    assert (1, 1, 2) == (code, told["updated"], told["failed"])
    assert "a pipe" in told["files"]["pipe.wav"]["reason"]
    assert "No such file" in told["files"]["gone.ogg"]["reason"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["empty"], "holds no audio file"),
        (["nowhere"], "is not there"),
        (["."], "holds no audio file"),
        (["empty", "--seconds", "1"], "must be 3 to 600"),
        (["empty", "--tracks", "table.csv"], "needs a column path"),
    ],
)
def test_what_was_asked_wrongly_is_told_before_anything_is_done(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], told: str
) -> None:
    """One sentence that names the argument."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "table.csv").write_text("track_id,name\n")
    assert 1 == run(["ingest", "audio", *arguments])
    assert told in " ".join(capsys.readouterr().err.split())


def heard_in(folder: Path, *, seconds: float = 60) -> dict[str, Sound | str]:
    """What one worker hears in each file of a folder."""
    files = [file for file in find(folder) if isinstance(file, AudioFile)]
    return {file.name: sound for file, sound in Workers(jobs=1, seconds=seconds).listen(files)}


@pytest.mark.parametrize("beats", [75, 90, 120, 150])
def test_tempo_is_that_of_the_clicks(tmp_path: Path, beats: int) -> None:
    """Or its octave, which no ear could tell from clicks either; and the beat is clear."""
    write(tmp_path / "clicks.wav", clicks(beats, seconds=10))
    sound = heard_in(tmp_path)["clicks.wav"]
    assert isinstance(sound, Sound)
    off = min(abs(sound.measures.tempo / (beats * octave) - 1) for octave in (0.5, 1, 2))
    assert off < 0.04
    assert sound.measures.pulse > 0.5


def test_a_sine_has_its_loudness_and_no_beat(tmp_path: Path) -> None:
    """-20 dBFS at 997 Hz is -23.01 LUFS; its centroid is its pitch, its statistics have FMA's sizes."""
    write(tmp_path / "sine.flac", sine(-20))
    sound = heard_in(tmp_path)["sine.flac"]
    assert isinstance(sound, Sound)
    assert abs(sound.measures.loudness + 23.01) < 0.1
    assert abs(sound.measures.centroid - 997) < 20
    sizes = {name: (len(rows), len(rows[0])) for name, rows in sound.statistics.items()}
    assert ((7, 20), (7, 12), (7, 6)) == (sizes["mfcc"], sizes["chroma_stft"], sizes["spectral_contrast"])


def test_real_clips_stand_in_the_order_that_ears_put_them() -> None:
    """Speech is told from music and has no instruments; the rock song is the most energetic, the least acoustic."""
    if not CLIPS.is_dir():
        pytest.skip("../shared/data/librosa-audio is not here")
    sounds = heard_in(CLIPS)
    failed = {name for name, sound in sounds.items() if not isinstance(sound, Sound)}
    assert {"456440__inspectorj__bird-whistling-robin-single-13.ogg"} == failed  # 2.7 s
    features = {name: sound.audio_features for name, sound in sounds.items() if isinstance(sound, Sound)}
    music = set(features) - set(SPEECH)
    assert (
        min(features[name].speechiness for name in SPEECH) > 0.66 > 0.33 > max(features[m].speechiness for m in music)
    )
    assert max(features[name].instrumentalness for name in SPEECH) < min(features[m].instrumentalness for m in music)
    song = "Karissa_Hobbs_-_Lets_Go_Fishin.ogg"
    assert song == max(music, key=lambda name: features[name].energy)
    assert song == min(music, key=lambda name: features[name].acousticness)
    waltz = features["147793__setuniman__sweet-waltz-0i-22mi.ogg"]
    assert (
        waltz.danceability
        > features["Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg"].danceability
    )


def test_a_worker_that_dies_costs_the_file_that_it_died_of(tmp_path: Path) -> None:
    """Workers are killed until one file is given up on; each other file is heard, and none is told twice."""
    for number in range(5):
        write(tmp_path / f"{number}.wav", chords(100, seconds=20))
    files = [file for file in find(tmp_path) if isinstance(file, AudioFile)]
    assert all(isinstance(sound, Sound) for sound in heard_in(tmp_path, seconds=3).values())  # the server is warm
    over = Event()

    def kill() -> None:
        while not over.wait(0.01):
            for one in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    if one.ppid() != os.getpid():  # a worker is a child of the server that it was forked from
                        one.kill()

    killer = Thread(target=kill)
    killer.start()
    found = []
    for file, sound in Workers(jobs=2, seconds=60).listen(files):
        over.set()
        killer.join()
        found.append((file.name, sound))
    assert [file.name for file in files] == sorted(name for name, _ in found)
    assert [ENDED] == [sound for _, sound in found if isinstance(sound, str)]


def test_a_run_that_is_killed_goes_on_where_it_was(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """SIGKILL while it listens: its workers end, what was heard is remembered, and the next run hears the rest."""
    folder = tmp_path / "music"
    for number in range(20):
        write(folder / f"t{number}.wav", chords(100, seconds=15))
    command = [sys.executable, "-m", "cli.program", "ingest", "audio", str(folder), "--jobs", "1"]
    run_of_its_own = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        while remembered(tmp_path) < 1:
            assert run_of_its_own.poll() is None
            time.sleep(0.02)
        family = psutil.Process(run_of_its_own.pid).children(recursive=True)
    finally:
        run_of_its_own.kill()
        run_of_its_own.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    before = remembered(tmp_path)
    assert ([], True) == (alive, 1 <= before < 20)
    code, told = ingest(capsys, folder)
    assert (0, before) == (code, told["remembered"])
    assert 20 == told["updated"] + told["unchanged"]


def remembered(home: Path) -> int:
    """Rows of the memory."""
    path = home / "cache" / "sound" / FILE
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=10)) as database:
        try:
            return int(database.execute("SELECT count(*) FROM heard").fetchone()[0])
        except sqlite3.OperationalError:  # its table is not made yet
            return 0
