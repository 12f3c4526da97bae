#!/usr/bin/env bash
# All rows on an NVIDIA GPU, in one run of at most 9 minutes: the most telling cells first, the rest is listed as not reached.
#
#   benchmarks/gpu.sh [--install] [--device cuda|cpu] [--tiny] [--seconds N] [OUTPUT]
#
# OUTPUT (default gpu-results) gets layers-torch-cuda.json, memory-..., determinism-..., the same of bfloat16 and of JAX, and
# a page for each beside README.md. Needed: a Python with NumPy, typer and rich, and PyTorch or JAX with CUDA, or both, as
# PYTHON=... (default python3); a framework that is not there, or sees no GPU, is left out. --install makes an environment with
# them in OUTPUT/environment first, which is not counted among the 9 minutes. Neither Keras nor convpad need be installed.
#
# --device cpu --tiny tries all of it on small inputs, in a moment; the figures are no measurements. GPU_OPTIONS="--row resnet-56
# --mode reflect --way eager" narrows a run.
set -euo pipefail

device=cuda tiny=() seconds=520 output=gpu-results install=no
while [ $# -gt 0 ]; do
  case $1 in
    --install) install=yes ;;
    --device) device=$2; shift ;;
    --tiny) tiny=(--tiny) ;;
    --seconds) seconds=$2; shift ;;
    -*) echo "There is no option $1: see the head of this script." >&2; exit 2 ;;
    *) output=$1 ;;
  esac
  shift
done

mkdir -p "$output"
output=$(cd "$output" && pwd)
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if [ $install = yes ]; then
  "$python" -m venv "$output/environment"
  python=$output/environment/bin/python
  "$python" -m pip install --quiet numpy typer rich torch
  "$python" -m pip install --quiet 'jax[cuda13]'
fi
export PYTHONPATH=$PWD/src:$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
begin=$SECONDS

sees() { # whether a framework is there, with the device
  case $1-$device in
    torch-cuda) "$python" -c 'import torch; assert torch.cuda.is_available()' ;;
    jax-cuda) "$python" -c 'import jax; assert jax.default_backend() == "gpu"' ;;
    *) "$python" -c "import $1" ;;
  esac 2>/dev/null
}

found=()
for backend in torch jax; do
  if sees $backend; then found+=($backend); else echo "$backend: not there, or without $device" >&2; fi
done
if [ ${#found[@]} = 0 ]; then echo "Neither PyTorch nor JAX has $device here." >&2; exit 1; fi
if [ "$device" = cuda ]; then nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv | tee "$output/gpu.csv"; fi

# PyTorch has more to show: eager and compiled. A cell that has begun may take a minute more (it compiles); then it is ended.
failed=0
for backend in "${found[@]}"; do
  left=$((seconds - SECONDS + begin))
  if [ $left -lt 0 ]; then left=0; fi
  share=$left
  if [ $backend = torch ] && [ ${#found[@]} = 2 ]; then share=$((left * 6 / 10)); fi
  stop=$((share > 90 ? share - 30 : share))
  end=$((share > 90 ? share + 5 : share + 120)) # a short one, to try it, spends its time on imports
  timeout --kill-after=5 $end "$python" -m benchmarks gpu --backend $backend --device "$device" \
    --seconds $stop --output "$output" "${tiny[@]}" ${GPU_OPTIONS:-} || failed=$?
done
"$python" -c 'import sys; from pathlib import Path; from benchmarks.report import write; write(Path(sys.argv[1]))' "$output"
exit $failed
