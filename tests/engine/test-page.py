#!/usr/bin/env python3
# time limit: 300
"""Every command of the page's sections "Docker 1.10" and "Docker 1.12", as written there, with
`docker` replaced by stasis without a daemon, by stasis with one, and by the real docker client for
the commands it still has; each with the page's seccomp option and with Docker's default profile."""
import os
import shutil
import signal
import subprocess

from engines import DOCKER, Engine, demand_counting, page_command
from tests import STASIS, Skipped, Suite, demand, must, run, wait_until

UNCONFINED = "--security-opt seccomp:unconfined "

RUN_LOOPER = r"""docker run -d --name looper --security-opt seccomp:unconfined busybox  \
         /bin/sh -c 'i=0; while true; do echo $i; i=$(expr $i + 1); sleep 1; done'"""
RUN_LOOPER2 = r"""docker run -d --name looper2 --security-opt seccomp:unconfined busybox \
         /bin/sh -c 'i=0; while true; do echo $i; i=$(expr $i + 1); sleep 1; done'"""
CREATE_FORCE = r"""docker create --name looper-force --security-opt seccomp:unconfined busybox \
         /bin/sh -c 'i=0; while true; do echo $i; i=$(expr $i + 1); sleep 1; done'"""

CHECKPOINT_HELP = """Usage:	docker checkpoint [OPTIONS] CONTAINER

Checkpoint one or more running containers

    --help             Print usage
    --image-dir        directory for storing checkpoint image files
    --leave-running    leave the container running after checkpoint
    --work-dir         directory for storing log file
"""
RESTORE_HELP = """Usage:	docker restore [OPTIONS] CONTAINER

Restore one or more checkpointed containers

    --force            bypass checks for current container state
    --help             Print usage
    --image-dir        directory to restore image files from
    --work-dir         directory for restore log
"""


def words_of(text):
    """The words of a help text: its columns are not its meaning."""
    return text.replace("docker", "stasis").split()


def logged(engine, name):
    return [int(line) for line in page_command(engine, "docker logs " + name).split()]


def wait_for_numbers(engine, name, count):
    wait_until(lambda: len(logged(engine, name)) >= count, "%d numbers of %s" % (count, name), 20)


def docker_1_10(engine, option):
    say = lambda text: page_command(engine, text.replace(UNCONFINED, option))
    say(RUN_LOOPER)
    wait_for_numbers(engine, "looper", 2)
    say("docker checkpoint looper")
    demand("looper" not in engine.names(), "looper still runs")
    before = logged(engine, "looper")
    demand(logged(engine, "looper") == before, "looper goes on without a process")
    say("docker restore looper")
    demand("looper" in engine.names(), "looper does not run")
    wait_for_numbers(engine, "looper", len(before) + 1)
    demand_counting(logged(engine, "looper"))
    into_another(engine, say)


def into_another(engine, say):
    say(RUN_LOOPER2)
    wait_for_numbers(engine, "looper2", 2)
    try:
        say("docker checkpoint --image-dir=/tmp/checkpoint1 looper2")
        say(CREATE_FORCE)
        say("docker restore --force=true --image-dir=/tmp/checkpoint1 looper-force")
    finally:
        shutil.rmtree("/tmp/checkpoint1", ignore_errors=True)
    wait_for_numbers(engine, "looper-force", 1)
    last = logged(engine, "looper2")[-1]
    demand(logged(engine, "looper-force")[0] in (last, last + 1), "looper-force starts elsewhere")


def docker_1_12(engine, option):
    say = lambda text: page_command(engine, text.replace(UNCONFINED, option))
    say(RUN_LOOPER.replace("--name looper", "--name my_container"))
    wait_for_numbers(engine, "my_container", 2)
    say("docker checkpoint create my_container my_first_checkpoint")
    wait_until(lambda: "my_container" not in engine.names(), "my_container to stop")
    before = logged(engine, "my_container")
    demand("my_first_checkpoint" in say("docker checkpoint ls my_container"), "not listed")
    say("docker start --checkpoint my_first_checkpoint my_container")
    wait_for_numbers(engine, "my_container", len(before) + 1)
    demand_counting(logged(engine, "my_container"))
    say("docker checkpoint rm my_container my_first_checkpoint")
    demand("my_first" not in say("docker checkpoint ls my_container"), "still listed")


def helps(engine):
    for command, text in (("checkpoint", CHECKPOINT_HELP), ("restore", RESTORE_HELP)):
        shown = page_command(engine, "docker %s --help" % command)
        missing = [line for line in text.splitlines()
                   if " ".join(words_of(line)) not in " ".join(words_of(shown))]
        demand(not missing, "%s --help lacks %s in %s" % (command, missing, shown))


def own_daemon():
    """The page's daemon and its first container, with the page's own paths."""
    graph, socket = "/var/lib/docker-dev", "/var/run/docker-dev.sock"
    if os.path.exists(graph) or os.path.exists(socket):
        raise Skipped(graph + " is there already")
    daemon = subprocess.Popen([STASIS, "daemon", "-D", "--graph=" + graph,
                               "--host", "unix://" + socket], stderr=subprocess.DEVNULL)
    client = [STASIS, "--host", "unix://" + socket]
    try:
        wait_until(lambda: run(*client, "version").status == 0, "the daemon")
        must(*client, "image", "busybox")
        name = must(*client, "run", "-d", "busybox", "top").strip()
        demand(name in must(*client, "ps", "-q", "--no-trunc"), "top does not run")
        must(*client, "rm", "-f", name)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(20)
        shutil.rmtree(graph, ignore_errors=True)
    demand(not os.path.exists(socket), "the daemon leaves its socket")


def in_engine(face, story, *arguments):
    engine = Engine("%s-%d" % (face, len(os.listdir("."))), face)
    try:
        story(engine, *arguments)
    finally:
        engine.release()


def main():
    suite = Suite()
    options = [("as written", UNCONFINED), ("default seccomp profile", "")]
    suite.run("the page's daemon runs top", own_daemon)
    for face in ("embedded", "daemon"):
        suite.run("help texts, " + face, in_engine, face, helps)
        for words, option in options:
            suite.run("Docker 1.10, %s, %s" % (face, words), in_engine, face, docker_1_10, option)
            suite.run("Docker 1.12, %s, %s" % (face, words), in_engine, face, docker_1_12, option)
    for words, option in options if os.path.exists(DOCKER) else []:
        # What the client knows of the option's form has changed since: `=` for the page's `:`.
        option = option.replace("seccomp:", "seccomp=")
        suite.run("Docker 1.12, docker client, " + words, in_engine, "docker", docker_1_12, option)
    suite.end()


main()
