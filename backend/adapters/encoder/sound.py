"""A version's autoencoder as an ONNX graph: no PyTorch at answer time."""

import numpy as np
import onnxruntime

from backend.domain.errors import ModelRefused
from backend.ports.vectors import Vectors


class OnnxSoundEncoder:
    """`SoundEncoder` from the graph that training exported: "features" (n, 9) to "latent" (n, dimension).

    Raises ModelRefused where the bytes are no such graph. Thread-safe.
    """

    def __init__(self, graph: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            # onnxruntime's own errors derive from Exception only.
            raise ModelRefused(f"the version's autoencoder cannot be opened: {error}") from error

    def encode(self, features: Vectors) -> Vectors:
        """See `SoundEncoder.encode`."""
        (latent,) = self._session.run(["latent"], {"features": np.asarray(features, dtype=np.float32)})
        return np.asarray(latent, dtype=np.float32)
