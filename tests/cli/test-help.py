#!/usr/bin/env python3
"""Help texts, the manual, completion, and what is said of a wrong command line."""
import os
import re

from tests import STASIS, Suite, demand, must, must_fail, run

CHECKPOINT = """\
Usage:\tstasis checkpoint [OPTIONS] CONTAINER

Checkpoint one or more running containers

    --help             Print usage
    --image-dir        directory for storing checkpoint image files
    --leave-running    leave the container running after checkpoint
    --work-dir         directory for storing log file
"""
RESTORE = """\
Usage:\tstasis restore [OPTIONS] CONTAINER

Restore one or more checkpointed containers

    --force            bypass checks for current container state
    --help             Print usage
    --image-dir        directory to restore image files from
    --work-dir         directory for restore log
"""
DOCKER_COMMANDS = """attach checkpoint create daemon exec images import info inspect kill load logs
    pause ps rename restart restore rm rmi run save start stop tag top unpause version wait
    checkpoint-create checkpoint-ls checkpoint-rm container-ls container-run image-ls image-busybox
    volume-ls""".split()


def pages_help_texts():
    demand(must(STASIS, "checkpoint", "--help") == CHECKPOINT, must(STASIS, "checkpoint", "--help"))
    demand(must(STASIS, "restore", "--help") == RESTORE, must(STASIS, "restore", "--help"))


def every_command_has_help():
    for command in DOCKER_COMMANDS:
        words = command.split("-", 1) if "-" in command else [command]
        text = must(STASIS, *words, "--help")
        demand(re.match(r"Usage:\s+stasis %s( |$)" % " ".join(words), text), text)
        demand(max(map(len, text.splitlines())) <= 110, "a line is too long: " + text)


def general_help():
    text = must(STASIS, "--help")
    demand("--data-root" in text and "checkpoint" in text, text)
    demand(must(STASIS, "--version").startswith("Stasis version "), "version")
    demand(must(STASIS, "help") == text, "help")
    demand(must(STASIS, "help", "container", "ls") == must(STASIS, "container", "ls", "--help"),
           "help of a command")
    must_fail(STASIS, "help", "nosuch", status=1, says="unknown command: stasis nosuch")
    demand(run(STASIS).status == 1, "no command is an error")


def wrong_command_lines():
    for words, says, status in [
            (["nosuch"], "unknown command: stasis nosuch", 1),
            (["container", "nosuch"], "unknown command: stasis container nosuch", 1),
            (["--nosuch", "ps"], "unknown flag: --nosuch", 125),
            (["ps", "--nosuch"], "unknown flag: --nosuch. See 'stasis ps --help'.", 125),
            (["ps", "-Z"], "unknown shorthand flag: 'Z' in -Z", 125),
            (["ps", "extra"], "'stasis ps' accepts no arguments", 1),
            (["ps", "-n", "x"], 'invalid argument "x" for "-n, --last" flag', 125),
            (["ps", "--all=maybe"], 'invalid argument "maybe" for "-a, --all" flag', 125),
            (["ps", "-f", "name"], "bad format of filter", 125),
            (["run"], "'stasis run' requires at least 1 argument", 1),
            (["run", "-e"], "flag needs an argument: 'e' in -e", 125),
            (["run", "--name"], "flag needs an argument: --name", 125),
            (["run", "-t", "x"], "not supported yet", 125),
            (["run", "--init", "x"], "not supported", 125),
            (["run", "-m", "1x", "x"], "invalid size", 125),
            (["run", "--cpus", "many", "x"], "not a number of CPUs", 125),
            (["run", "--ulimit", "nofile", "x"], "invalid ulimit nofile", 125),
            (["run", "--ulimit", "nofile=5:4", "x"], "above the hard one", 125),
            (["run", "--mount", "type=bind,src=/a", "x"], "target is required", 125),
            (["run", "--mount", "nosuch=1,dst=/a", "x"], "unexpected key 'nosuch'", 125),
            (["run", "-v", "/a:b", "x"], "must be absolute", 125),
            (["run", "--security-opt", "foo", "x"], "invalid --security-opt", 125),
            (["run", "--env-file", "/nosuch", "x"], "no such file", 125),
            (["run", "-d", "-a", "stdout", "x"], "conflicting options", 125),
            (["exec", "-t", "x", "sh"], "not supported yet", 125),
            (["exec", "x"], "requires at least 2 arguments", 1),
            (["rename", "a"], "requires 2 arguments", 1),
            (["start", "--checkpoint", "c", "a", "b"], "multiple containers", 125),
            (["start", "--checkpoint-dir", "/tmp", "a"], "needs --checkpoint", 125),
            (["checkpoint"], "requires at least 1 argument", 1),
            (["checkpoint", "create", "a"], "'stasis checkpoint create' requires 2 arguments", 1),
            (["restore", "--force=perhaps", "a"], "not true or false", 125),
            (["logs", "--since", "yesterday", "a"], "neither a time nor a duration", 125),
            (["inspect", "--type", "foo", "a"], 'unknown type: "foo"', 1),
            (["import", "http://host/x.tar"], "only a file or -", 125),
            (["--host", "tcp://localhost:1", "ps"], "only unix://PATH is understood", 125),
            (["--host", "unix:///nosuch.sock", "ps"], "cannot connect to the Stasis daemon", 1),
            (["--host", "unix:///nosuch.sock", "run", "x"], "cannot connect", 125)]:
        must_fail(STASIS, *words, status=status, says=re.escape(says))


def manual_names_every_command():
    text = must(STASIS, "completion", "man")
    for command in DOCKER_COMMANDS:
        if not command.startswith(("container-", "image-ls")):
            demand(".SS stasis %s" % command.replace("-", " ", 1) in text, command)
    demand("ignore\\-rootfs" in text, "--ignore-rootfs")


def completion_is_a_script():
    script = must(STASIS, "completion", "bash")
    must("bash", "-n", "-c", script)
    ask = script + """
        COMP_WORDS=(stasis checkpoint --im) COMP_CWORD=2; _stasis; echo "${COMPREPLY[@]}"
        COMP_WORDS=(stasis --data-root /x cont) COMP_CWORD=3; _stasis; echo "${COMPREPLY[@]}"
        COMP_WORDS=(stasis container re) COMP_CWORD=2; _stasis; echo "${COMPREPLY[@]}"
        """
    lines = must("bash", "-c", ask).splitlines()
    demand(lines == ["--image-dir", "container", "rename restart rm remove".replace("rm ", "")],
           lines)


def guide_names_every_command():
    with open(os.path.join(os.environ.get("TOP", "."), "docs", "cli.md")) as file:
        text = file.read()
    for command in DOCKER_COMMANDS:
        name = command.replace("-", " ", 1)
        demand("`%s" % name in text, "docs/cli.md does not name " + name)


suite = Suite()
for test in (pages_help_texts, every_command_has_help, general_help, wrong_command_lines,
             manual_names_every_command, completion_is_a_script, guide_names_every_command):
    suite.run(test.__name__.replace("_", " "), test)
suite.end()
