#!/bin/sh
# Train the shipped networks again, each from FER-2013's training images alone; ferplus also from their votes.
#
#     tools/train_shipped.sh FER2013 OUT
#
# FER2013 holds train/ and validation/ with a folder an expression, and ferplus_votes.csv. Takes about six hours
# on one thread with bfloat16; killed, the same command goes on where it was. PublicTest is not looked at.
# Copied to src/feroi/network/pretrained, they are shipped once tools/sums.sh has listed them.
set -eu
data=$1 out=$2
hold="--hold-out 0.05"

feroi train --data "$data" --run "$out/teacher" --network residual-attention --recipe wild --epochs 46 $hold
feroi train --data "$data" --run "$out/first" --network lateral-attention --recipe distilled --epochs 110 \
    --teacher "$out/teacher/last.safetensors" $hold
feroi train --data "$data" --run "$out/hardened" --network lateral-attention --recipe hardened --epochs 28 \
    --start "$out/first/last.safetensors" --teacher "$out/first/last.safetensors" $hold
feroi train --data "$data" --layout ferplus --run "$out/ferplus" --network lateral-attention --recipe wild \
    --set label_smoothing=0 --epochs 38 $hold

python tools/average_weights.py "$out/first/last.safetensors" "$out/hardened/last.safetensors" "$out/mean.safetensors"
feroi calibrate "$out/mean.safetensors" --data "$data" $hold --out "$out/default.safetensors"
feroi calibrate "$out/ferplus/last.safetensors" --data "$data" --layout ferplus $hold --out "$out/ferplus.safetensors"
for name in default ferplus; do
    feroi export "$out/$name.safetensors" --out "$out/$name.onnx"
done
