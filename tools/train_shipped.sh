#!/bin/sh
# Train the shipped networks again, each from FER-2013's training images alone; ferplus and default also from
# people's votes on them, and default from the answers of a teacher that began with face recognition.
#
#     tools/train_shipped.sh FER2013 FACERES LONDON OUT [--seed SEED]
#
# FER2013 holds train/ and validation/ with a folder an expression, and ferplus_votes.csv. FACERES is
# faceres-deep.json, its .bin beside it (tools/face_teacher.py says where from). LONDON holds folders neutral and
# happy with photos of the Face Research Lab London Set. Takes about nine hours on one thread with bfloat16; killed, the same command goes on where it was. PublicTest is not looked at.
# Copied to src/feroi/network/pretrained, they are shipped once tools/sums.sh has listed them.
set -eu
data=$1 faceres=$2 london=$3 out=$4
shift 4
hold="--hold-out 0.05"
small="--network lateral-attention"

feroi train --data "$data" --run "$out/teacher" --network residual-attention --recipe wild --epochs 46 $hold "$@"
feroi train --data "$data" --run "$out/first" $small --recipe distilled --epochs 110 \
    --teacher "$out/teacher/last.safetensors" $hold "$@"
feroi train --data "$data" --run "$out/hardened" $small --recipe hardened --epochs 28 \
    --start "$out/first/last.safetensors" --teacher "$out/first/last.safetensors" $hold "$@"
python tools/average_weights.py "$out/first/last.safetensors" "$out/hardened/last.safetensors" "$out/mean.safetensors"
feroi calibrate "$out/mean.safetensors" --data "$data" $hold --out "$out/fer2013.safetensors"

feroi train --data "$data" --layout ferplus --run "$out/votes" $small --recipe wild \
    --set label_smoothing=0 --epochs 38 $hold "$@"
feroi calibrate "$out/votes/last.safetensors" --data "$data" --layout ferplus $hold --out "$out/ferplus.safetensors"

both="--layout fer2013+votes --teacher $out/fer2013.safetensors --teacher $out/ferplus.safetensors"
feroi train --data "$data" $both --run "$out/elsewhere" $small --recipe elsewhere \
    --start "$out/fer2013.safetensors" $hold "$@"
feroi train --data "$data" $both --run "$out/needed" $small --recipe needed \
    --start "$out/elsewhere/last.safetensors" $hold "$@"
python tools/pack_faces.py "$data" "$out/faces.npz"
python tools/face_teacher.py "$faceres" "$out/faces.npz" "$out/face-teacher"
python tools/taught.py "$out/faces.npz" "$out/taught" --teacher "$out/face-teacher" \
    --start "$out/needed/last.safetensors" "$@"
python tools/taught.py "$out/faces.npz" "$out/taught-needed" --teacher "$out/face-teacher" \
    --start "$out/taught/last.safetensors" --recipe taught-needed --epochs 5 --rate 6e-4 "$@"
feroi prepare folder "$london" "$out/london"
python tools/taught.py "$out/faces.npz" "$out/default" --teacher "$out/face-teacher" \
    --start "$out/taught-needed/last.safetensors" --recipe taught-needed --epochs 2 --rate 6e-4 \
    --also "$out/london" "$@"
feroi calibrate "$out/default/last.safetensors" --data "$data" --layout fer2013 --also-layout ferplus --elsewhere 3 $hold \
    --out "$out/default.safetensors"

for name in default ferplus fer2013; do
    feroi export "$out/$name.safetensors" --out "$out/$name.onnx"
done
