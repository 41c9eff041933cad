"""What a process of its own does: listen to one file after the other. It ends with the process that asked for it.

Workers are forked from a server that has imported this module, so that librosa's seconds are paid once, not once each.
"""

import multiprocessing
import os
import signal
import threading
from pathlib import Path

from backend.extras import MissingExtra, explained
from importers.audio.folder import AudioFile
from importers.audio.listening import listen
from importers.audio.reading import Unlistenable, read_clip
from importers.audio.sound import Sound
from importers.audio.spectrogram import write_spectrogram
from importers.audio.tags import read_tags


def warm_up() -> None:
    """Import what listening needs. Raises MissingExtra."""
    with explained("audio"):
        import librosa.feature  # noqa: PLC0415
        import librosa.onset  # noqa: F401, PLC0415
        import mutagen  # noqa: F401, PLC0415
        import scipy.signal  # noqa: F401, PLC0415
        import soundfile  # noqa: F401, PLC0415
        import soxr  # noqa: F401, PLC0415


def begin() -> None:
    """The worker's start: Ctrl-C is its parent's to answer, what decoders write to stderr goes nowhere, no orphans."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    warm_up()


def _end_with(parent: "multiprocessing.process.BaseProcess") -> None:
    parent.join()
    os._exit(1)


def heard(file: AudioFile, *, seconds: float, image: Path | None) -> Sound | str:
    """What there is to hear in a file, with its spectrogram in `image` where given; a sentence where nothing is."""
    try:
        clip = read_clip(file.path, seconds=seconds)
        found, tags = listen(clip), read_tags(file.path)
    except Unlistenable as error:
        return str(error)
    except MemoryError:
        return "needs more memory than there is; give fewer --seconds"
    except MissingExtra:
        raise
    except UnicodeEncodeError:
        return "its name, or a folder's, is no UTF-8: the decoders cannot open it; rename it"
    except Exception as error:  # noqa: BLE001 - a decoder's or librosa's own: told in the report, and costs this file only
        return f"could not be listened to: {type(error).__name__}: {error}"
    if image is not None:
        write_spectrogram(image, found.mel)
    return Sound(
        measures=found.measures,
        statistics={
            name: [[float(f"{one:.6g}") for one in row] for row in table] for name, table in found.statistics.items()
        },
        tags=tags,
        file_seconds=clip.file_seconds,
        notes=clip.notes,
    )
