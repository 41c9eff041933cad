#!/bin/sh
# Regenerate the stubs that stand beside the contracts.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/python -m grpc_tools.protoc -Iproto --python_out=proto --pyi_out=proto --grpc_python_out=proto \
  proto/segue/v1/*.proto
.venv/bin/python -m grpc_tools.protoc -Iproto --python_out=proto --pyi_out=proto proto/buf/validate/validate.proto
# No services there.
rm -f proto/segue/v1/play_pb2_grpc.py proto/segue/v1/catalogue_pb2_grpc.py \
  proto/segue/v1/options_pb2_grpc.py proto/segue/v1/text_pb2_grpc.py
