#!/usr/bin/env python3
# time limit: 300
"""A restored container is the engine's own: every command goes on working, its files are as they
were at the checkpoint, its specimen checks its state."""
import os
import re
import subprocess

from engines import DOCKER, LOOP, Engine, demand_counting
from tests import Suite, demand, wait_until


def round_trip(engine, name):
    """Checkpoints a container and brings it back, by the commands that the face has."""
    if engine.face == "docker":
        engine("checkpoint", "create", name, "one")
        wait_until(lambda: not engine.is_running(name), name + " to stop")
        engine("start", "--checkpoint", "one", name)
        engine("checkpoint", "rm", name, "one")
    else:
        engine("checkpoint", name)
        demand(not engine.is_running(name), name + " runs though it is checkpointed")
        engine("restore", name)
    demand(engine.is_running(name), name + " does not run though it is restored")


def commands_work(engine):
    engine.start_loop("looper")
    round_trip(engine, "looper")
    engine.wait_counting("looper")
    demand(engine.names() == ["looper"], "ps: %s" % engine.names())
    demand(engine("exec", "looper", "echo", "within") == "within", "exec")
    demand("sh -c" in engine("top", "looper"), "top")
    engine("pause", "looper")
    engine("unpause", "looper")
    engine.wait_counting("looper")
    follow = subprocess.Popen([*engine.words, "logs", "-f", "--tail", "1", "looper"],
                              stdout=subprocess.PIPE, text=True)
    wait = subprocess.Popen([*engine.words, "wait", "looper"], stdout=subprocess.PIPE, text=True)
    first = int(follow.stdout.readline())
    demand(int(follow.stdout.readline()) == first + 1, "logs -f")
    engine("kill", "looper")
    demand(wait.communicate()[0] == "137\n", "wait")
    follow.communicate()
    demand_counting(engine.numbers("looper"))
    engine("rm", "looper")


def exit_code(engine):
    engine("run", "-d", "--name", "ends", "busybox", "sh", "-c",
           "trap 'echo bye; exit 6' TERM; echo up; while :; do sleep 0.02; done")
    wait_until(lambda: "up" in engine("logs", "ends"), "up")
    round_trip(engine, "ends")
    engine("stop", "ends")
    demand(engine.inspect("ends")["State"]["ExitCode"] == 6, "exit code")
    demand(engine("logs", "ends").split() == ["up", "bye"], engine("logs", "ends"))
    engine("rm", "ends")


def streams_stay_apart(engine):
    engine("run", "-d", "--name", "both", "busybox", "sh", "-c",
           "while :; do echo out; echo err >&2; sleep 0.02; done")
    wait_until(lambda: "err" in engine.run("logs", "both").err, "err")
    round_trip(engine, "both")
    before = engine.run("logs", "both")
    wait_until(lambda: len(engine.run("logs", "both").err) > len(before.err) and
               len(engine.run("logs", "both").out) > len(before.out), "both to go on")
    result = engine.run("logs", "both")
    demand(set(result.out.split()) == {"out"} and set(result.err.split()) == {"err"}, "mixed")
    engine("rm", "-f", "both")


def files_come_along(engine):
    """What was written before the checkpoint is there after it, also in another container."""
    checkpoint = engine.directory + "/with-files"
    engine("run", "-d", "--name", "writer", "busybox", "sh", "-c",
           "echo kept > /kept; rm /etc/group; mkdir /dir; ln -s kept /dir/link; chmod 751 /dir; "
           "exec 5>>/open; echo before >&5; echo ready; while [ ! -e /go ]; do sleep 0.02; done; "
           "echo after >&5; cat /open; sleep 1000")
    wait_until(lambda: "ready" in engine("logs", "writer"), "ready")
    engine("checkpoint", "--image-dir=" + checkpoint, "writer")
    engine("create", "--name", "other", "busybox", "sleep", "1000")
    engine("restore", "--force", "--image-dir=" + checkpoint, "other")
    look = "cat /kept; ls -ld /dir | cut -c1-10; readlink /dir/link; ls /etc/group; cat /open"
    seen = engine.run("exec", "other", "sh", "-c", look)
    demand(seen.out.split() == ["kept", "drwxr-x--x", "kept", "before"], seen)
    engine("exec", "other", "touch", "/go")
    wait_until(lambda: "after" in engine("logs", "other"), "the other to write on")
    demand(engine("logs", "other").split() == ["before", "after"], engine("logs", "other"))
    engine("rm", "-f", "writer", "other")


def without_files(engine):
    checkpoint = engine.directory + "/without-files"
    engine("run", "-d", "--name", "plain", "busybox", "sh", "-c", "echo x > /kept; " + LOOP)
    engine.wait_counting("plain")
    engine("checkpoint", "--ignore-rootfs", "--image-dir=" + checkpoint, "plain")
    engine("create", "--name", "bare", "busybox", "sh", "-c", "true")
    engine("restore", "--force", "--image-dir=" + checkpoint, "bare")
    engine.wait_counting("bare")
    demand(engine.run("exec", "bare", "cat", "/kept").status != 0, "/kept came along")
    engine("rm", "-f", "plain", "bare")


def live_checkpoint(engine):
    engine.start_loop("lives")
    engine("checkpoint", "create", "--leave-running", "lives", "then")
    demand(engine.is_running("lives"), "it does not live on")
    engine.wait_counting("lives")
    demand_counting(engine.numbers("lives"))
    last = engine.numbers("lives")[-1]
    engine("kill", "lives")
    wait_until(lambda: not engine.is_running("lives"), "its end")
    engine("start", "--checkpoint", "then", "lives")
    engine.wait_counting("lives")
    demand(engine.numbers("lives")[-3] < last + 10, "it starts elsewhere")
    engine("rm", "-f", "lives")


def custom_directory(engine):
    """The directory of --checkpoint-dir, which Docker refuses at start, works."""
    directory = engine.directory + "/checkpoints"
    engine.start_loop("custom")
    engine("checkpoint", "create", "--checkpoint-dir", directory, "custom", "one")
    demand("one" in engine("checkpoint", "ls", "--checkpoint-dir", directory, "custom"), "ls")
    demand("one" not in engine("checkpoint", "ls", "custom"), "ls without the directory")
    engine("start", "--checkpoint", "one", "--checkpoint-dir", directory, "custom")
    engine.wait_counting("custom")
    demand_counting(engine.numbers("custom"))
    engine("checkpoint", "rm", "--checkpoint-dir", directory, "custom", "one")
    engine("rm", "-f", "custom")


def options_come_back(engine):
    """Limits, capabilities, user, volumes and profile of a container hold after a restore."""
    shared = engine.directory + "/volume"
    os.makedirs(shared, exist_ok=True)
    engine("run", "-d", "--name", "set", "-v", shared + ":/v", "-u", "1000:100", "--hostname",
           "there", "--memory", "64m", "--pids-limit", "50", "--cap-add", "NET_ADMIN", "busybox",
           "sleep", "1000")
    look = lambda: [engine("exec", "set", "sh", "-c", command) for command in (
        "grep -E '^(Cap|Seccomp:|NoNew|Uid|Gid)' /proc/1/status", "hostname", "ls -d /v",
        "cat /proc/1/cgroup", "cat /proc/1/limits", "mount | sort")]
    before = look()
    round_trip(engine, "set")
    after = look()
    for was, now in zip(before, after):
        demand(was == now, "was %s, is %s" % (differing(was, now)))
    demand(engine("ps", "--filter", "status=running", "-q") != "", "ps --filter status")
    engine("rm", "-f", "set")


def differing(was, now):
    lines = set(was.splitlines()) ^ set(now.splitlines())
    return [line for line in was.splitlines() if line in lines], \
           [line for line in now.splitlines() if line in lines]


def several_rounds(engine):
    engine.start_loop("again", "--memory", "64m")
    for _ in range(3):
        round_trip(engine, "again")
        demand(re.match(r"\d", engine("exec", "again", "sh", "-c", "echo $$")), "exec")
        engine.wait_counting("again")
    demand_counting(engine.numbers("again"))
    engine("rm", "-f", "again")


CASES = [commands_work, exit_code, streams_stay_apart, live_checkpoint, options_come_back,
         several_rounds]
OWN_CASES = [files_come_along, without_files, custom_directory]


def main():
    suite = Suite()
    for face in ["embedded", "daemon"] + (["docker"] if os.path.exists(DOCKER) else []):
        engine = None
        try:
            engine = Engine(face, face)
            for case in CASES + (OWN_CASES if face != "docker" else []):
                suite.run("%s, %s" % (case.__name__.replace("_", " "), face), case, engine)
        except Exception as problem:
            suite.fail("an engine, " + face, problem)
        finally:
            if engine:
                engine.release()
    suite.end()


main()
