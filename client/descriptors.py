"""Writes the contract as a descriptor set, by which Envoy reads JSON: `python -m client.descriptors FILE`.

With what it imports, and with Google's error details, without which Envoy could not write a failure as JSON.
"""

import sys
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.rpc import error_details_pb2, status_pb2

from client.contract import FILES


def descriptor_set() -> FileDescriptorSet:
    """Every file of the contract, each after those that it imports."""
    found: dict[str, FileDescriptor] = {}
    for module in (*FILES, error_details_pb2, status_pb2):
        _gather(module.DESCRIPTOR, found)
    files = FileDescriptorSet()
    for descriptor in found.values():
        descriptor.CopyToProto(files.file.add())
    return files


def _gather(descriptor: FileDescriptor, found: dict[str, FileDescriptor]) -> None:
    for imported in descriptor.dependencies:
        _gather(imported, found)
    found.setdefault(descriptor.name, descriptor)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(descriptor_set().SerializeToString())
