#!/usr/bin/env bash
# The tests marked `gpu`, on CuPy's arrays: tests.sh PYTHON OUTPUT_FOLDER
set -o pipefail
export TINYNET_GPU_TESTS=real
chosen=(-m gpu)
[ -z "${REHEARSAL:-}" ] || chosen=(-m gpu -k "Tanh or Flatten or dropout")
"$1" -m pytest -p no:cacheprovider -q --tb=short --maxfail=25 --durations=5 "${chosen[@]}" \
    tests/layers tests/network/test_fast_on_gpu.py tests/training/test_gpu_training.py 2>&1 | tee "$2/tests.txt"
