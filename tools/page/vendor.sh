#!/usr/bin/env bash
# Puts the files of onnxruntime-web that the page needs into the package: the version and hash that
# package-lock.json names, from the npm registry. The page loads nothing from elsewhere.
set -euo pipefail
cd "$(dirname "$0")"
vendor=../../src/feroi/web/vendor
npm ci --omit=dev --ignore-scripts --no-audit --no-fund
mkdir -p "$vendor"
# .js, since some servers do not know .mjs to be a script; the wasm is the plain build for processors.
sed "/^\/\/# sourceMappingURL=/d" node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs > "$vendor/ort.js"
cp node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm "$vendor/ort.wasm"
