"""A bare echo: the same kind of gRPC server that Segue's is, which gives every Recommend the same answer.

`python -m bench.echo PORT THREADS FILE`: FILE holds the serialised answer. No interceptor, no token, no contract.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from segue.v1 import recommend_pb2, recommend_pb2_grpc

from backend.__main__ import SWITCH_SECONDS
from backend.rpc.server import OPTIONS


class Echo(recommend_pb2_grpc.RecommendServiceServicer):
    """Answers without looking at the question."""

    def __init__(self, answer: recommend_pb2.RecommendResponse) -> None:
        self._answer = answer

    def Recommend(
        self, request: recommend_pb2.RecommendRequest, context: grpc.ServicerContext
    ) -> recommend_pb2.RecommendResponse:
        """See recommend.proto."""
        return self._answer


def main() -> None:
    """Serve until killed."""
    port, threads, file = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    sys.setswitchinterval(SWITCH_SECONDS)
    server = grpc.server(ThreadPoolExecutor(threads), options=OPTIONS)
    answer = recommend_pb2.RecommendResponse.FromString(file.read_bytes())
    recommend_pb2_grpc.add_RecommendServiceServicer_to_server(Echo(answer), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
