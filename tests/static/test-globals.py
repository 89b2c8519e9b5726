#!/usr/bin/env python3
"""No mutable globals: the objects of libstasis have no data or bss symbols of their own."""
import os
import re
import subprocess
import sys

# Tables that protobuf-c generates, and what compilers and sanitizers add.
EXEMPT_OBJECTS = re.compile(r"\.pb-c\.c\.o$")
EXEMPT_SYMBOLS = re.compile(r"^(__asan|__odr_asan|\.L|__ubsan|\.data|__sancov)")


def objects(build):
    for folder, _, names in os.walk(build):
        if os.path.basename(folder) in ("libstasis.a.p", "stasis.p"):
            for name in names:
                if name.endswith(".o") and not EXEMPT_OBJECTS.search(name):
                    yield os.path.join(folder, name)


def main():
    if "sanitize" in os.path.basename(os.environ["BUILD"]):
        print("skip no mutable globals: a sanitizer adds its own")
        return 0
    faults = []
    for path in sorted(objects(os.environ["BUILD"])):
        symbols = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
        for line in symbols.splitlines():
            kind, name = line.split()[-2:]
            # `d` in .data.rel.ro is constant after relocation; nm cannot tell, objdump can.
            if kind in "DdBbC" and not EXEMPT_SYMBOLS.match(name):
                faults.append((path, name))
    mutable = [fault for fault in faults if not is_constant(*fault)]
    if mutable:
        print("not ok no mutable globals: " + "; ".join(
            "%s in %s" % (name, os.path.basename(path)) for path, name in mutable))
        return 1
    print("ok no mutable globals")
    return 0


def is_constant(path, name):
    table = subprocess.run(["objdump", "-t", path], capture_output=True, text=True).stdout
    lines = [line for line in table.splitlines() if line.split()[-1:] == [name]]
    return bool(lines) and all(".data.rel.ro" in line for line in lines)


sys.exit(main())
