#!/usr/bin/env bash
# The first minutes on a GPU: one command, nothing to install, the most valuable part first.
#
#     benchmarks/gpu_first_run.sh OUTPUT_FOLDER
#
# Needs Python with NumPy, CuPy and pytest; PyTorch to compare with. Pillow, threadpoolctl, tqdm and Hypothesis, where
# they are missing, are stood in for by benchmarks/gpu_first_run/stand_ins, which says so. Each part has a time limit
# and writes its results as it goes; a part that fails or hangs is left, and the next one runs. All limits together
# are under 8 minutes. The folder gets at most 8 files; results/gpu/<card>/ is the place for a copy.
#
# Environment: PYTHON (default python3), REHEARSAL=1 (tiny sizes, without a card: tests/long/gpu_rehearsal.py),
# FIRST_RUN_SECONDS (for all parts, default 470).
set -u
if [ $# != 1 ]; then
    echo "usage: benchmarks/gpu_first_run.sh OUTPUT_FOLDER" >&2
    exit 2
fi
if [ -e "$1" ] && [ -n "$(ls -A "$1")" ]; then
    echo "gpu_first_run.sh: $1 is not empty; name a new folder, so that no result is lost" >&2
    exit 2
fi
mkdir -p "$1" || exit 2
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.." || exit 2
here=benchmarks/gpu_first_run
python=${PYTHON:-python3}
seconds=${FIRST_RUN_SECONDS:-470}
export PYTHONPATH="$PWD:$PWD/benchmarks${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
# A BLAS of one thread in each of tinynet's threads: threadpoolctl sees to it, where it is installed.
export OPENBLAS_NUM_THREADS=1
outcomes=()

# part NAME LIMIT COMMAND...: run it for at most LIMIT seconds, or for what is left of all; note how it ended. Into a file
# and not through a pipe, whose end would be waited for as long as a process that got away still has it.
part() {
    local name=$1 limit=$2 left=$((seconds - SECONDS)) start=$SECONDS code printed
    shift 2
    if [ "$left" -lt 3 ]; then
        outcomes+=("$name:no time left:0")
        echo "== $name: no time left" | tee -a "$out/run.log"
        return
    fi
    [ "$limit" -le "$left" ] || limit=$left
    echo "== $name, at $start s, for at most $limit s" | tee -a "$out/run.log"
    printed=$(wc -c < "$out/run.log")
    timeout --kill-after=3 "$limit" "$@" >> "$out/run.log" 2>&1 < /dev/null
    code=$?
    tail -c "+$((printed + 1))" "$out/run.log"
    case $code in
        0) outcomes+=("$name:done:$((SECONDS - start))") ;;
        77) outcomes+=("$name:skipped:$((SECONDS - start))") ;; # the part has said why
        124 | 137) outcomes+=("$name:cut off:$((SECONDS - start))") ;;
        *) outcomes+=("$name:failed ($code):$((SECONDS - start))") ;;
    esac
    echo "== ${outcomes[-1]}" | tee -a "$out/run.log"
}

stand_ins=$("$python" "$here/missing.py") && export PYTHONPATH="$stand_ins$PYTHONPATH"

# TINYNET_PARTS: another list of parts, for the test of this script.
# shellcheck source=/dev/null
. "${TINYNET_PARTS:-$here/parts.sh}"

"$python" "$here/summary.py" "$out" "${outcomes[@]}" 2>&1 | tee -a "$out/summary.txt"
exit "${PIPESTATUS[0]}"
