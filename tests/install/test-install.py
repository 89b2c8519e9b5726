#!/usr/bin/env python3
"""What `make install` brings is whole: the program runs, a program builds against the library."""
import os

from tests import BUILD, SLOW, Suite, demand, must

PROGRAM = r"""
#include <stasis.h>
#include <stdio.h>

int main(void)
{
    struct error e = {0};
    struct stasis_options options = {.images_dir = -1};
    printf("%d %s\n", stasis_dump(&options, &e), e.text);
    return 0;
}
"""


def install():
    must("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", os.path.abspath("dest"))
    installed = [os.path.join(folder, name) for folder, _, names in os.walk("dest")
                 for name in names]
    for wanted in ("bin/stasis", "lib/x86_64-linux-gnu/libstasis.a", "include/stasis/stasis.h",
                   "pkgconfig/stasis.pc", "man/man1/stasis.1", "completions/stasis"):
        demand(any(path.endswith(wanted) for path in installed), "%s is not in %s" % (
            wanted, installed))


def program_runs():
    program = must("find", "dest", "-name", "stasis", "-path", "*/bin/*").strip()
    demand("ersion" in must(program, "--version"), "stasis --version")


def program_builds():
    folder = must("find", os.path.abspath("dest"), "-name", "pkgconfig").strip()
    env = dict(os.environ, PKG_CONFIG_PATH=folder, PKG_CONFIG_SYSROOT_DIR=os.path.abspath("dest"))
    flags = must("pkg-config", "--cflags", "--libs", "stasis", env=env).split()
    with open("program.c", "w") as file:
        file.write(PROGRAM)
    must("gcc", "-std=gnu17", "program.c", "-o", "program", *flags)
    demand("no process" in must("./program"), must("./program"))


def main():
    suite = Suite()
    suite.run("everything is installed", install)
    suite.run("the installed program runs", program_runs)
    if SLOW == 1:  # a sanitized library asks for the sanitizer's own
        suite.run("a program builds against the library", program_builds)
    suite.end()


main()
