#!/usr/bin/env python3
# time limit: 300
"""Bad input to the engine: one clear line, a non-zero exit, and no change; the container that was
to be checkpointed runs on."""
import os
import shutil
import signal
import subprocess
import time

from engines import Engine, demand_counting
from tests import STASIS, Suite, demand, must_fail, read, wait_until
from trees import SPECIMENS, looks_complete, unmount

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
PTRACE, CLONE3 = "101", "435"


class Stage:
    """An engine with a container that runs, one that is stopped and one that is checkpointed."""

    def __init__(self, engine):
        self.engine = engine
        self.engine.start_loop("running")
        self.engine("run", "-d", "--name", "stopped", "busybox", "sleep", "1000")
        self.engine("kill", "stopped")
        self.engine.start_loop("kept")
        self.engine("checkpoint", "kept")

    def states(self):
        return self.engine("ps", "-a", "--format", "{{.Names}} {{.Image}} {{.State}}")

    def refuses(self, says, *words, status=None):
        """The command fails with one line that says so, and nothing has changed."""
        before = self.states()
        self.engine.fails(*words, says=says, status=status)
        demand(self.states() == before, "was %s, is %s" % (before, self.states()))
        self.engine.wait_counting("running", 1)


def unknown_things(stage):
    for words in (["start", "nobody"], ["checkpoint", "nobody"], ["restore", "nobody"],
                  ["logs", "nobody"], ["stop", "nobody"], ["rm", "nobody"], ["exec", "nobody", "x"],
                  ["checkpoint", "create", "nobody", "one"]):
        stage.refuses("nobody", *words)
    stage.refuses("nothing:latest", "run", "-d", "nothing", status=125)
    stage.refuses("nothing:latest", "create", "nothing")
    stage.refuses("none", "start", "--checkpoint", "none", "stopped")
    stage.refuses("none", "checkpoint", "rm", "running", "none")


def name_in_use(stage):
    stage.refuses("in use", "run", "-d", "--name", "running", "busybox", "true", status=125)
    stage.refuses("in use", "rename", "stopped", "running")


def wrong_states(stage):
    stage.refuses("not running", "checkpoint", "stopped")
    stage.refuses("not running", "checkpoint", "create", "stopped", "one")
    stage.refuses("running", "restore", "running")
    stage.refuses("running", "restore", "--force", "running")
    stage.refuses("checkpoint", "restore", "stopped")


def image_directories(stage):
    directory = stage.engine.directory
    good, foreign = directory + "/good", directory + "/foreign"
    stage.engine("checkpoint", "--leave-running", "--image-dir=" + good, "running")
    os.mkdir(foreign)
    with open(foreign + "/inventory.img", "w") as file:
        file.write("no image\n")
    stage.refuses("absent", "restore", "--force", "--image-dir=%s/absent" % directory, "stopped")
    stage.refuses("", "restore", "--force", "--image-dir=" + foreign, "stopped")
    for folder, _, names in os.walk(good):
        for name in sorted(names):
            if name.endswith((".img", ".json")):
                broken_directories(stage, good, os.path.relpath(os.path.join(folder, name), good))


def broken_directories(stage, good, name):
    """One file cut short, or with its middle changed."""
    broken = stage.engine.directory + "/broken"
    with open(os.path.join(good, name), "rb") as file:
        content = bytearray(file.read())
    if len(content) < 12:
        return
    middle = len(content) // 2
    damaged = content[:middle] + bytes([content[middle] ^ 0xff]) + content[middle + 1:]
    for changed in (content[:-1], damaged):
        shutil.copytree(good, broken, symlinks=True)
        with open(os.path.join(broken, name), "wb") as file:
            file.write(changed)
        try:
            stage.refuses("", "restore", "--force", "--image-dir=" + broken, "stopped")
        finally:
            shutil.rmtree(broken)


def no_space(stage):
    small = stage.engine.directory + "/small"
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "small", small], check=True)
    try:
        stage.refuses("No space left", "checkpoint", "--image-dir=%s/one" % small, "running")
        demand(not looks_complete(small + "/one"), "an image that looks complete")
    finally:
        unmount(small)


def not_root(stage):
    os.chmod(".", 0o755)
    must_fail(*NOBODY, STASIS, "--data-root", stage.engine.root, "ps")
    must_fail(*NOBODY, STASIS, "--data-root", stage.engine.root, "checkpoint", "running")
    must_fail(*NOBODY, STASIS, "daemon", "--data-root", stage.engine.root, says="root|permitted")
    stage.engine.wait_counting("running", 1)


def poorer_kernel(stage):
    forbid = os.path.join(SPECIMENS, "forbid")
    local = [STASIS, "--data-root", stage.engine.root]
    before = stage.states()
    must_fail(forbid, PTRACE, *local, "checkpoint", "running")
    must_fail(forbid, CLONE3, *local, "restore", "kept")
    demand(stage.states() == before, "was %s, is %s" % (before, stage.states()))
    stage.engine.wait_counting("running", 1)


def exits_during_freeze(stage):
    """Of a loop that forks all the time something exits in every freeze."""
    engine = stage.engine
    engine("run", "-d", "--name", "busy", "busybox", "sh", "-c",
           "i=0; while true; do /bin/true | /bin/true; i=$(expr $i + 1); echo $i; done")
    engine.wait_counting("busy")
    for _ in range(5):
        result = engine.run("checkpoint", "--leave-running", "busy")
        demand(result.status == 0 or len(result.err.splitlines()) == 1, result)
        engine.wait_counting("busy", 1)
    engine("rm", "-f", "busy")


def start_large(engine, name, mebibytes):
    """A container with that much memory, so that a checkpoint of it takes a while."""
    if "large" not in engine("images", "--format", "{{.Repository}}"):
        archive = os.path.join(engine.directory, "large.tar")
        subprocess.run(["tar", "-C", SPECIMENS, "-cf", archive, "forest-static"], check=True)
        engine("import", archive, "large")
    shared = os.path.join(engine.directory, name)
    os.mkdir(shared)
    engine("run", "-d", "--name", name, "-v", shared + ":/shared", "-e", "SPECIMEN_DIR=/shared",
           "large", "/forest-static", "2", str(mebibytes))
    wait_until(lambda: os.path.exists(shared + "/ready"), "the large container")
    return shared


def demand_right(engine, name, shared):
    """The large container checks its memory and ends well."""
    open(shared + "/check", "w").close()
    wait_until(lambda: not engine.is_running(name), name + " to end")
    state = engine.inspect(name)["State"]
    demand(state["ExitCode"] == 0, "%s: %s" % (name, state))
    engine("rm", name)


def two_at_once(stage):
    engine = stage.engine
    shared = start_large(engine, "twice", 64)
    both = [subprocess.Popen([*engine.words, "checkpoint", "create", "--leave-running", "twice",
                              "number%d" % number], stderr=subprocess.PIPE, text=True,
                             stdout=subprocess.DEVNULL) for number in range(2)]
    results = [(one.communicate()[1], one.returncode) for one in both]
    demand(any(status == 0 for _, status in results), "neither succeeds: %s" % results)
    for text, status in results:
        demand(status == 0 or len(text.splitlines()) == 1, "not one line: %s" % text)
    demand_right(engine, "twice", shared)


def ended_in_the_middle(stage, kill):
    """Whenever it is killed, the container runs on, or is checkpointed and can be restored."""
    engine = stage.engine
    name = "large" if kill == kill_client else "larger"
    shared = start_large(engine, name, 64)
    begin = time.monotonic()
    engine("checkpoint", "create", "--leave-running", name, "first")
    whole = time.monotonic() - begin
    for number in range(8):
        client = subprocess.Popen([*engine.words, "checkpoint", name],
                                  stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(whole * number / 8)  # the very point: at no event at all
        kill(engine, client)
        client.wait()
        wait_until(lambda: goes_on(engine, name), "the container to run or be restored")
    time.sleep(2 * whole)  # a daemon may come to the last request only now
    wait_until(lambda: goes_on(engine, name), "the container to run or be restored")
    demand_right(engine, name, shared)


def goes_on(engine, name):
    if engine.is_running(name):
        pid = engine.inspect(name)["State"]["Pid"]
        status = read("/proc/%d/status" % pid)
        # A daemon may still be at work for a client that is gone.
        return "TracerPid:\t0\n" in status and "State:\tT" not in status
    return engine.run("restore", name).status == 0


def kill_client(engine, client):
    client.kill()


def kill_daemon(engine, client):
    engine.stop_daemon(signal.SIGKILL)
    client.wait()
    engine.start_daemon()


CASES = [("unknown containers, images, checkpoints", unknown_things),
         ("a name in use", name_in_use),
         ("a container in the wrong state", wrong_states),
         ("missing, foreign, truncated, damaged image directories", image_directories),
         ("no space left", no_space),
         ("not root", not_root),
         ("a kernel without what is needed", poorer_kernel),
         ("a process that exits during the freeze", exits_during_freeze),
         ("two checkpoints at once", two_at_once),
         ("the client killed in the middle", lambda stage: ended_in_the_middle(stage, kill_client))]


def main():
    suite = Suite()
    for face in ("embedded", "daemon"):
        engine = Engine(face, face)
        try:
            stage = Stage(engine)
            for words, case in CASES:
                suite.run("%s, %s" % (words, face), case, stage)
            if face == "daemon":
                suite.run("the daemon killed in the middle", ended_in_the_middle, stage,
                          kill_daemon)
            suite.run("the container was not disturbed, " + face,
                      lambda: demand_counting(engine.numbers("running")))
        except Exception as problem:
            suite.fail("a stage for bad input, " + face, problem)
        finally:
            engine.release()
    suite.end()


main()
