#!/usr/bin/env python3
# time limit: 240
"""Every command of the issue by the real docker clients found here, old and new, against a daemon."""
import json
import os
import subprocess
import time

from engines import LOOP, Engine
from tests import Failed, Suite, demand, must, run, wait_until


def clients():
    """The docker clients in PATH, one of each version: {version: path}."""
    found = {}
    for directory in ["/usr/bin"] + os.environ["PATH"].split(":"):
        path = os.path.join(directory, "docker")
        if os.access(path, os.X_OK):
            said = run(path, "--version").out.split(",")[0].replace("Docker version ", "")
            found.setdefault(said, path)
    return found


def session(engine):
    """What a client asks before anything else."""
    said = json.loads(engine("version", "--format", "{{json .}}"))
    demand(said["Server"]["ApiVersion"] == "1.43", said)
    demand(said["Client"]["ApiVersion"] <= "1.43", said)
    demand("Storage Driver" in engine("info"), "info")
    demand(engine("info", "--format", "{{.Driver}}") in ("overlay", "overlay2", "vfs"), "driver")
    demand(engine("network", "ls", "--format", "{{.Name}}").split() == ["bridge", "host", "none"],
           "networks")


def run_in_the_foreground(engine):
    result = engine.run("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 5")
    demand((result.status, result.out, result.err) == (5, "out\n", "err\n"), result)
    demand(engine("run", "-i", "--rm", "busybox", "cat", input="through\n") == "through", "stdin")
    demand(engine("run", "--rm", "-e", "A=b", "-w", "/tmp", "-u", "5:6", "--hostname", "here",
                  "busybox", "sh", "-c", "echo $A $(pwd) $(id -u) $(hostname)") == "b /tmp 5 here",
           "options")
    result = engine.run("run", "--rm", "busybox", "/nope")
    demand(result.status == 127, result)
    result = engine.run("run", "--rm", "nope")
    demand(result.status == 125, result)
    demand(engine("ps", "-aq") == "", "a container is left")


def life(engine):
    engine.start_loop("life")
    demand(engine.names() == ["life"], engine.names())
    engine("pause", "life")
    demand("(Paused)" in engine("ps"), engine("ps"))
    engine("unpause", "life")
    engine("rename", "life", "lives")
    demand("sleep" in engine("top", "lives") or "sh" in engine("top", "lives"), "top")
    demand(engine("exec", "lives", "echo", "hello") == "hello", "exec")
    result = engine.run("exec", "-i", "lives", "sh", "-c", "cat; exit 4", input="in")
    demand((result.status, result.out) == (4, "in"), result)
    engine("exec", "-d", "lives", "touch", "/made")
    wait_until(lambda: engine.run("exec", "lives", "test", "-e", "/made").status == 0, "/made")
    demand(len(engine("logs", "--tail", "2", "lives").split()) == 2, "tail")
    engine("kill", "-s", "KILL", "lives")
    demand(engine("wait", "lives") == "137", "wait")
    engine("start", "lives")
    engine("restart", "-t", "0", "lives")
    demand(engine.is_running("lives"), "does not run again")
    engine("stop", "-t", "0", "lives")
    demand(engine("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "lives")
           == "exited 137", engine("inspect", "lives"))
    engine.fails("rm", "nope", says="No such container: nope")
    engine("rm", "lives")


def follow(engine):
    engine("run", "-d", "--name", "few", "busybox", "sh", "-c",
           "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done")
    demand(engine("logs", "-f", "few").split() == list("12345"), "logs -f")
    demand(engine("start", "-a", "few").split() == list("12345"), "start -a")
    demand(engine("wait", "few") == "0", "wait")
    engine("rm", "few")


def checkpoint(engine):
    engine.start_loop("looper")
    engine("checkpoint", "create", "looper", "first")
    demand(not engine.is_running("looper"), "runs after its checkpoint")
    demand("first" in engine("checkpoint", "ls", "looper"), "ls")
    engine("start", "--checkpoint", "first", "looper")
    engine.wait_counting("looper")
    engine("checkpoint", "create", "--leave-running", "looper", "second")
    demand(engine.is_running("looper"), "does not run after a live checkpoint")
    directory = engine.directory + "/elsewhere"
    engine("checkpoint", "create", "--checkpoint-dir", directory, "looper", "third")
    engine("start", "--checkpoint-dir", directory, "--checkpoint", "third", "looper")
    engine.wait_counting("looper")
    numbers = engine.numbers("looper")
    demand(numbers == list(range(len(numbers))), numbers)
    engine("checkpoint", "rm", "looper", "first")
    demand("first" not in engine("checkpoint", "ls", "looper"), "rm")
    engine("rm", "-f", "looper")


def images(engine):
    demand(engine("images", "--format", "{{.Repository}}:{{.Tag}}") == "busybox:latest", "images")
    engine("tag", "busybox", "a/b:c")
    archive = engine.directory + "/saved.tar"
    engine("save", "-o", archive, "a/b:c")
    engine("rmi", "a/b:c")
    demand(engine("load", "-i", archive).endswith("Loaded image: a/b:c"), "load")
    root = engine.directory + "/root.tar"
    must("tar", "-cf", root, "-C", "/", "bin/busybox")
    id = engine("import", "-c", 'CMD ["/bin/busybox","echo","made"]', root, "made:up")
    demand(id.startswith("sha256:"), id)
    demand(engine("run", "--rm", "made:up") == "made", "run of what was imported")
    demand(engine("history", "-q", "made:up"), "history")
    engine("rmi", "made:up", "a/b:c")
    demand(engine.run("pull", "nope").status != 0, "pull")


def volumes(engine):
    engine("volume", "create", "kept")
    engine("run", "--rm", "-v", "kept:/data", "busybox", "sh", "-c", "echo kept > /data/file")
    demand(engine("run", "--rm", "-v", "kept:/data:ro", "busybox", "cat", "/data/file") == "kept",
           "volume")
    demand("kept" in engine("volume", "ls", "-q").split(), "ls")
    engine("volume", "rm", "kept")


def main():
    suite = Suite()
    for version, path in clients().items():
        engine = Engine("docker-" + version, "docker")
        engine.words[0] = path
        try:
            for test in (session, run_in_the_foreground, life, follow, checkpoint, images, volumes):
                suite.run("docker %s: %s" % (version, test.__name__.replace("_", " ")), test,
                          engine)
        finally:
            engine.release()
    suite.end()


main()
