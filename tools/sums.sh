#!/bin/sh
# List the SHA-256 of the shipped models anew, after any of them was replaced; feroi uses none that is not listed.
#
#     tools/sums.sh
set -eu
cd "$(dirname "$0")/../src/feroi"
for folder in network/pretrained photo/models; do
    (cd "$folder" && sha256sum -- $(ls | grep -E '\.(onnx|safetensors|npz|svm)$') > SHA256SUMS)
done
