#!/usr/bin/env python3
"""No file over 800 lines, no function over 80."""
import os
import re
import subprocess
import sys

TOP = os.environ["TOP"]
FILE_LIMIT, FUNCTION_LIMIT = 800, 80


def functions(lines):
    """(name, first line, length) of each function: a body opens and closes in column 0."""
    start, name = None, "?"
    for number, line in enumerate(lines, 1):
        words = re.match(r"^[A-Za-z_].*?(\w+)\(", line)
        if start is None and words:
            name = words.group(1)
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            yield name, start, number - start + 1
            start = None


def main():
    listed = subprocess.run(["git", "-C", TOP, "ls-files", "*.c", "*.h", "*.S", "*.py", "*.sh"],
                            capture_output=True, text=True, check=True).stdout.split("\n")
    files, bodies = [], []
    for path in filter(None, listed):
        try:
            with open(os.path.join(TOP, path), errors="replace") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            continue
        if len(lines) > FILE_LIMIT:
            files.append("%s has %d" % (path, len(lines)))
        if path.endswith(".c"):
            bodies += ["%s:%d %s has %d" % (path, start, name, length)
                       for name, start, length in functions(lines) if length > FUNCTION_LIMIT]
    for name, faults in (("no file over %d lines" % FILE_LIMIT, files),
                         ("no function over %d lines" % FUNCTION_LIMIT, bodies)):
        print("not ok %s: %s" % (name, "; ".join(faults)) if faults else "ok " + name)
    return 1 if files or bodies else 0


sys.exit(main())
