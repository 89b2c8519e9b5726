#!/usr/bin/env python3
# time limit: 240
"""What cannot be done gets one clear line and a non-zero exit, and changes nothing: the target of a
dump runs on, a failed restore leaves no process."""
import os
import shutil
import signal
import subprocess
import time

import leaks
from tests import CRIU, Suite, demand, must, must_fail, run, wait_until
from trees import SPECIMENS, Tree, frozen_or_traced, image_files, looks_complete, unmount

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
# System calls of x86-64 without which there is no dump or restore: ptrace, clone3.
PTRACE, CLONE3 = "101", "435"


def start(name, specimen="forest", *arguments):
    tree = Tree(name, [os.path.join(SPECIMENS, specimen), *arguments])
    tree.wait_ready()
    return tree


def dump_fails(name, *options, before=(), says=""):
    """A dump that fails leaves the target right and no image that looks complete."""
    tree = start(name)
    try:
        os.mkdir(tree.path("images"), 0o755)
        must_fail(*before, CRIU, "dump", "-t", tree.pid, "-D", tree.path("images"), *options,
                  says=says)
        demand(not looks_complete(tree.path("images")), "an image that looks complete")
        demand(not frozen_or_traced(tree.pid), frozen_or_traced(tree.pid))
        tree.check()
    finally:
        tree.release()


def no_such_process():
    os.mkdir("empty")
    must_fail(CRIU, "dump", "-t", "4194000", "-D", "empty", says="4194000")
    demand(not os.listdir("empty") or not looks_complete("empty"), "an image of nothing")


def no_directory():
    tree = start("no-directory")
    try:
        must_fail(CRIU, "dump", "-t", tree.pid, "-D", "not-there", says="not-there")
        tree.check()
    finally:
        tree.release()


def no_space():
    tree = start("no-space", "forest", "3", "8")
    images = tree.path("small")
    os.mkdir(images)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", images], check=True)
    try:
        must_fail(CRIU, "dump", "-t", tree.pid, "-D", images, says="No space left")
        demand(not looks_complete(images), "an image that looks complete")
        demand(not frozen_or_traced(tree.pid), frozen_or_traced(tree.pid))
        tree.check()
    finally:
        tree.release()
        unmount(images)


def dumped(name):
    """The images of a small tree, which is gone."""
    tree = start(name, "forest", "2", "1")
    tree.must_dump()
    return tree


def restore_fails(tree, images, says=""):
    before = leaks.descendants(os.getpid())
    result = must_fail(CRIU, "restore", "-D", images, "-d", says=says)
    leaks.reap()
    left = set(leaks.descendants(os.getpid())) - set(before)
    demand(not left, "%s leaves %s" % (result, [leaks.describe(pid) for pid in left]))


def foreign_directories():
    tree = dumped("foreign")
    os.mkdir("nothing")
    restore_fails(tree, "nothing")
    restore_fails(tree, "not-there", "not-there")
    os.mkdir("words")
    for name in image_files(tree.image_directory()):
        with open(os.path.join("words", name), "w") as file:
            file.write("This is no image of a process.\n" * 100)
    restore_fails(tree, "words")


def with_file(tree, name, content):
    """A copy of the images in which one file has other content."""
    if os.path.exists("changed"):
        shutil.rmtree("changed")
    shutil.copytree(tree.image_directory(), "changed", symlinks=True)
    with open(os.path.join("changed", name), "wb") as file:
        file.write(content)
    return "changed"


def truncated_files():
    tree = dumped("truncated")
    for name in image_files(tree.image_directory()):
        with open(os.path.join(tree.image_directory(), name), "rb") as file:
            content = file.read()
        cuts = {0, 4, len(content) // 2, len(content) - 1}
        for size in sorted(cut for cut in cuts if 0 <= cut < len(content)):
            restore_must_not_crash(tree, with_file(tree, name, content[:size]), must_fail=size > 0)


def damaged_files():
    """A flipped bit may leave a meaningful image; it never crashes the reader or leaves half a
    tree."""
    tree = dumped("damaged")
    for name in image_files(tree.image_directory()):
        if name.startswith("pages-"):
            continue
        with open(os.path.join(tree.image_directory(), name), "rb") as file:
            content = bytearray(file.read())
        for at in range(8, len(content), max(1, len(content) // 6)):
            changed = bytearray(content)
            changed[at] ^= 0xff
            restore_must_not_crash(tree, with_file(tree, name, bytes(changed)))


def restore_must_not_crash(tree, images, must_fail=False):
    before = set(leaks.descendants(os.getpid()))
    result = run(CRIU, "restore", "-D", images, "-d", timeout=20)
    leaks.reap()
    left = set(leaks.descendants(os.getpid())) - before
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    leaks.wait_for_children(2)
    lines = [line for line in result.err.splitlines() if line]
    demand(0 <= result.status < 128, "%s: it crashed: %s" % (images, result))
    if result.status != 0:
        demand(len(lines) == 1, "not one line: %s" % result)
        demand(not left, "it leaves %d processes: %s" % (len(left), result))
    demand(not (must_fail and result.status == 0), "a truncated file was taken: %s" % result)


def pids_in_use():
    tree = start("in-use", "forest", "2", "1")
    try:
        tree.must_dump("-R")
        restore_fails(tree, tree.image_directory(), "exist")
        demand(not frozen_or_traced(tree.pid), frozen_or_traced(tree.pid))
        tree.check()
    finally:
        tree.release()


def no_file():
    """A file that the tree had open is gone, or is another."""
    tree = start("no-file", "files")
    tree.must_dump()
    os.unlink(tree.path("file"))
    restore_fails(tree, tree.image_directory(), "no-file/file")
    with open(tree.path("file"), "w") as file:
        file.write("0123456789abcdef")
    restore_fails(tree, tree.image_directory(), "size")


def exits_during_freeze():
    tree = start("storm", "storm")
    try:
        for _ in range(20):
            result = tree.dump("-R")
            demand(result.status == 0 or len(result.err.splitlines()) == 1, result)
            demand(not frozen_or_traced(tree.pid), frozen_or_traced(tree.pid))
        tree.check()
    finally:
        tree.release()


def two_at_once():
    tree = start("twice", "forest", "3", "64")
    try:
        dumps = []
        for number in range(2):
            images = tree.path("at-once-%d" % number)
            os.mkdir(images)
            dumps.append(subprocess.Popen([CRIU, "dump", "-R", "-t", str(tree.pid), "-D", images],
                                          stderr=subprocess.PIPE, text=True))
        results = [(dump.communicate()[1], dump.returncode) for dump in dumps]
        demand(any(status == 0 for _, status in results), "neither succeeds: %s" % results)
        for text, status in results:
            demand(status == 0 or len(text.splitlines()) == 1, "not one line: %s" % text)
        tree.check()
    finally:
        tree.release()


def ended_in_the_middle():
    """Whenever a dump is asked to end, the tree runs on, untouched."""
    tree = start("killed", "forest", "3", "32")
    try:
        begin = time.monotonic()
        tree.must_dump("-R")
        whole = time.monotonic() - begin
        for number in range(24):
            images = tree.path("killed-%d" % number)
            os.mkdir(images)
            dump = subprocess.Popen([CRIU, "dump", "-R", "-t", str(tree.pid), "-D", images],
                                    stderr=subprocess.DEVNULL)
            time.sleep(whole * number / 24)  # the very point: at no event at all
            dump.terminate()
            dump.wait()
            wait_until(lambda: not frozen_or_traced(tree.pid), "the tree to go on")
            shutil.rmtree(images)
        tree.check()
    finally:
        tree.release()


def killed_restore():
    """Whenever a restore is killed, nothing of the tree stays behind or all of it runs."""
    tree = start("half", "forest", "3", "32")
    tree.must_dump()
    begin = time.monotonic()
    tree.must_restore()
    whole = time.monotonic() - begin
    tree.kill()
    for number in range(16):
        restore = subprocess.Popen([CRIU, "restore", "-D", tree.image_directory(), "-d"],
                                   stderr=subprocess.DEVNULL)
        time.sleep(whole * number / 16)
        restore.kill()
        restore.wait()
        whole_or_nothing(tree)
    tree.must_restore()
    tree.check()


def whole_or_nothing(tree):
    """Half a tree ends by itself; a whole one is ended here."""
    def settled():
        leaks.reap()
        left = leaks.descendants(os.getpid())
        return not left or len(left) == 4 and not any(map(frozen_or_traced, left))
    wait_until(settled, "the rest of a killed restore: %s" % leaks.describe_children(), 5)
    if leaks.descendants(os.getpid()):
        tree.kill()


def bad_options():
    for words in (["dump"], ["restore", "-D"], ["dump", "-t", "x"], ["dump", "-t", "-5"],
                  ["nonsense"], ["dump", "--nonsense"], ["dump", "-t", "1", "-D", ".", "rest"]):
        result = run(CRIU, *words)
        demand(result.status != 0 and result.err.strip(), "criu %s: %s" % (words, result))
    demand("Version: 4.2" in must(CRIU, "--version"), "criu --version")


def not_root_restore():
    tree = dumped("not-root")
    os.chmod(".", 0o755)
    subprocess.run(["chmod", "-R", "a+rX", tree.directory], check=True)
    must_fail(*NOBODY, CRIU, "restore", "-D", tree.image_directory(), "-d", says="root|permitted")


def without_clone3(forbid):
    tree = dumped("no-clone3")
    must_fail(forbid, CLONE3, CRIU, "restore", "-D", tree.image_directory(), "-d")
    demand(not leaks.descendants(os.getpid()), "processes are left")


def main():
    suite = Suite()
    os.chmod(".", 0o755)
    forbid = os.path.join(SPECIMENS, "forbid")
    suite.run("bad options", bad_options)
    suite.run("no such process", no_such_process)
    suite.run("no such image directory", no_directory)
    suite.run("no space left", no_space)
    suite.run("dump by another user", dump_fails, "other-user", before=NOBODY, says="root|permitted")
    suite.run("restore by another user", not_root_restore)
    suite.run("a kernel without ptrace", dump_fails, "no-ptrace", before=[forbid, PTRACE])
    suite.run("a kernel without clone3", without_clone3, forbid)
    suite.run("foreign image directories", foreign_directories)
    suite.run("truncated images", truncated_files)
    suite.run("damaged images", damaged_files)
    suite.run("pids in use", pids_in_use)
    suite.run("a file that is gone or another", no_file)
    suite.run("processes that exit during the freeze", exits_during_freeze)
    suite.run("two dumps at once", two_at_once)
    suite.run("a dump ended in the middle", ended_in_the_middle)
    suite.run("a restore killed in the middle", killed_restore)
    suite.end()


main()
