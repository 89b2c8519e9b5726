#!/usr/bin/env python3
"""The options that CRIU's users know do what they do there."""
import os
import pty
import subprocess

import leaks
from tests import CRIU, STASIS, Suite, demand, is_alive, must, must_fail, read, wait_until
from trees import SPECIMENS, Tree, image_files


def with_tree(name, story, specimen="heap"):
    tree = Tree(name, [os.path.join(SPECIMENS, specimen)])
    try:
        tree.wait_ready()
        os.mkdir(tree.path("images"))
        story(tree, tree.path("images"))
    finally:
        tree.release()


def work_directory(tree, images):
    """Logs, statistics and pid files go to -W, images to -D."""
    work = tree.path("work")
    os.mkdir(work)
    must(CRIU, "dump", "-t", tree.pid, "-D", images, "-W", work, "-o", "dump.log", "-v4")
    demand("dump.log" in os.listdir(work) and "inventory.img" in os.listdir(images), "dump")
    demand("dump.log" not in os.listdir(images), "the log went to the images")
    demand("Dumping finished successfully" in read(work + "/dump.log"), "dump.log says nothing")
    tree.wait_gone("the tree")
    must(CRIU, "restore", "-D", images, "-W", work, "-d", "-o", "restore.log", "-v4",
         "--pidfile", "pid")
    demand(read(work + "/pid").strip() == str(tree.pid), "pidfile: " + read(work + "/pid"))
    demand("Restore finished successfully" in read(work + "/restore.log"), "restore.log")
    tree.check()


def levels(tree, images):
    """-v0 says least, -v4 most; without a number -v is more than without -v."""
    sizes = []
    for level in ("-v0", "-v1", "-v4"):
        must(CRIU, "dump", "-R", "-t", tree.pid, "-D", images, "-o", "log" + level, level)
        sizes.append(len(read(os.path.join(images, "log" + level))))
    demand(sizes[0] <= sizes[1] < sizes[2], "sizes of logs: %s" % sizes)
    tree.check()


def long_names(tree, images):
    must(CRIU, "dump", "--tree", tree.pid, "--images-dir", images, "--log-file", "l",
         "--leave-running")
    must(CRIU, "dump", "--tree=%d" % tree.pid, "--images-dir=" + images)
    tree.wait_gone("the tree")
    must(CRIU, "restore", "--images-dir", images, "--restore-detached")
    tree.check()


def leave_stopped(tree, images):
    must(CRIU, "dump", "-s", "-t", tree.pid, "-D", images)
    demand("State:\tT" in read("/proc/%d/status" % tree.pid), "-s does not leave it stopped")
    os.kill(tree.pid, 18)
    tree.check()


def foreground(tree, images):
    """Without -d, restore is the tree's parent and ends as its root does."""
    must(CRIU, "dump", "-t", tree.pid, "-D", images)
    tree.wait_gone("the tree")
    restore = subprocess.Popen([CRIU, "restore", "-D", images])
    wait_until(lambda: is_alive(tree.pid) or restore.poll() is not None, "the restored tree")
    open(tree.path("check"), "w").close()
    demand(restore.wait(20) == 0, "restore ends with %s" % restore.returncode)
    demand(read(tree.path("verdict")) == "holds\n", "the specimen differs")


def other_name():
    demand("Version: 4.2" in must(CRIU, "--version"), "criu --version")
    demand("Version: 4.2" in must(STASIS, "criu", "--version"), "stasis criu --version")


def not_a_leader():
    """A tree whose session leader is outside of it needs --shell-job."""
    os.mkdir("shell-job")
    os.mkdir("shell-job/images")
    env = dict(os.environ, SPECIMEN_DIR=os.path.abspath("shell-job"))
    specimen = subprocess.Popen([os.path.join(SPECIMENS, "heap")], env=env, cwd="shell-job",
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, process_group=0)
    wait_until(lambda: os.path.exists("shell-job/ready"), "ready")
    images = "shell-job/images"
    must_fail(CRIU, "dump", "-t", specimen.pid, "-D", images, says="shell-job")
    demand(not image_files(images), "images of a refused dump")
    must(CRIU, "dump", "-t", specimen.pid, "-D", images, "--shell-job")
    specimen.wait()
    must(CRIU, "restore", "-D", images, "-d", "--shell-job")
    open("shell-job/check", "w").close()
    wait_until(lambda: read("shell-job/verdict"), "a verdict")
    demand(read("shell-job/verdict") == "holds\n", read("shell-job/differences"))


def on_a_terminal():
    """With --shell-job the terminal of a restored job is the one that restore is called on."""
    os.mkdir("terminal")
    os.mkdir("terminal/images")
    loop = "i=0; while :; do i=$((i+1)); echo number $i; sleep 0.05; done"
    pid, first = pty.fork()
    if pid == 0:
        os.execv("/bin/sh", ["sh", "-c", "exec sh -c '%s' & wait" % loop])
    seen = read_numbers(first, 3)
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        job = int(file.read().split()[0])
    must_fail(CRIU, "dump", "-t", job, "-D", "terminal/images", says="shell-job|terminal|tty|pts")
    pids = [job] + leaks.descendants(job)
    must(CRIU, "dump", "-t", job, "-D", "terminal/images", "--shell-job")
    os.waitpid(pid, 0)
    os.close(first)
    wait_until(lambda: leaks.reap() or not any(
        os.path.exists("/proc/%d" % number) for number in pids), "the end of the job")
    restorer, second = pty.fork()
    if restorer == 0:
        os.execv(CRIU, ["criu", "restore", "-D", "terminal/images", "--shell-job"])
    again = read_numbers(second, 3)
    os.kill(job, 9)
    os.close(second)
    os.waitpid(restorer, 0)
    demand(again[0] > seen[-1], "it starts anew: %s, then %s" % (seen, again))


def read_numbers(terminal, count):
    text = b""
    while text.count(b"\n") < count:
        text += os.read(terminal, 4096)
    demand(b"rror" not in text, text)
    return [int(line.split()[1]) for line in text.split(b"\r\n")[:count]]


def main():
    suite = Suite()
    suite.run("names and version", other_name)
    suite.run("-W", with_tree, "work-directory", work_directory)
    suite.run("-v", with_tree, "levels", levels)
    suite.run("long names", with_tree, "long-names", long_names)
    suite.run("-s", with_tree, "leave-stopped", leave_stopped)
    suite.run("restore in the foreground", with_tree, "foreground", foreground)
    suite.run("--shell-job", not_a_leader)
    suite.run("--shell-job on a terminal", on_a_terminal)
    suite.end()


main()
