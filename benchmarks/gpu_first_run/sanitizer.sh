#!/usr/bin/env bash
# Every kernel on small images under compute-sanitizer, which sees reads and writes out of bounds:
# sanitizer.sh PYTHON OUTPUT_FOLDER. Ends with 77 where there is no compute-sanitizer.
set -o pipefail
tool=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2> /dev/null | head -n 1)
if [ -z "$tool" ]; then
    echo "skipped: there is no compute-sanitizer"
    exit 77
fi
"$tool" --tool memcheck --error-exitcode 9 "$1" "$(dirname "$0")/check.py" "$2" --small 2>&1 | tee -a "$2/tests.txt"
