#!/usr/bin/env bash
# The tests marked `gpu`, on CuPy's arrays: tests.sh PYTHON OUTPUT_FOLDER
set -o pipefail
export TINYNET_GPU_TESTS=real
chosen=(-m gpu)
[ -z "${REHEARSAL:-}" ] || chosen=(-m gpu -k "Tanh or Flatten or dropout")
# Hypothesis's part of pytest is left out: it asks for more than a stand-in has.
"$1" -m pytest -p no:cacheprovider -p no:hypothesispytest -q --tb=short --maxfail=25 --durations=5 "${chosen[@]}" \
    tests/layers/test_gpu_layers.py tests/network/test_fast_on_gpu.py tests/training/test_gpu_training.py 2>&1 | tee "$2/tests.txt"
