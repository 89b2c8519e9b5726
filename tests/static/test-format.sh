#!/bin/sh
# Every C file is as .clang-format has it.
cd "$TOP" || exit 1
if ! command -v clang-format >/dev/null; then
    echo "skip formatted by clang-format: there is no clang-format"
    exit 0
fi
wrong=$(git ls-files '*.c' '*.h' | xargs -r ls -d 2>/dev/null |
    xargs -r clang-format --dry-run 2>&1 | sed -n 's/:[0-9]*:[0-9]*: warning.*//p' | sort -u)
if [ -n "$wrong" ]; then
    echo "not ok formatted by clang-format:" $wrong
    exit 1
fi
echo "ok formatted by clang-format"
