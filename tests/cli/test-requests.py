#!/usr/bin/env python3
"""What the command line asks of the engine."""
import os
from urllib.parse import parse_qs

from fake_engine import ID, FakeEngine
from tests import STASIS, Suite, demand, must, must_fail

engine = FakeEngine()
HOST = ["--host", "unix://" + engine.path]
for name in ("c", "create", "ls"):
    for word in ("start", "stop", "restart", "kill", "pause", "unpause", "rename", "checkpoint",
                 "restore"):
        engine.replies["POST", "/containers/%s/%s" % (name, word)] = (204, None)
engine.replies["POST", "/containers/create"] = (201, {"Id": ID, "Warnings": ["beware"]})
engine.replies["POST", "/containers/%s/start" % ID] = (204, None)
engine.replies["DELETE", "/containers/c"] = (204, None)
engine.replies["POST", "/containers/c/checkpoints"] = (201, None)
engine.replies["DELETE", "/containers/c/checkpoints/p"] = (204, None)
engine.replies["GET", "/containers/c/checkpoints"] = (200, [{"Name": "p"}, {"Name": "q"}])


def stasis(*words, **options):
    return must(STASIS, *HOST, *words, **options)


def same(found, wanted):
    demand(found == wanted, "%r is not %r" % (found, wanted))


def created(*words, **options):
    """The body that `create` sends for these words."""
    same(stasis("create", *words, **options), ID + "\n")
    return engine.asked_for("POST", "/containers/create")[0]


def image_and_command():
    body = created("busybox", "sh", "-c", "echo -n hi", "--rm")
    same(body["Image"], "busybox")
    same(body["Cmd"], ["sh", "-c", "echo -n hi", "--rm"])
    demand("Entrypoint" not in body, body)
    same(created("--entrypoint", "/bin/x", "i")["Entrypoint"], ["/bin/x"])


def names():
    stasis("create", "--name=my box", "i")
    same(parse_qs(engine.asked_for("POST", "/containers/create")[1]), {"name": ["my box"]})


def environment():
    with open("env", "w") as file:
        file.write("# comment\n\n  FILE=1\nFROM_HERE\nNOT_SET\n")
    body = created("--env-file", "env", "-e", "A=b=c", "-eHERE", "--env", "MISSING", "i",
                   env=dict(os.environ, HERE="x y", FROM_HERE="z"))
    same(body["Env"], ["FILE=1", "FROM_HERE=z", "A=b=c", "HERE=x y"])


def limits():
    host = created("-m", "64m", "--memory-swap=-1", "--cpus", "1.5", "--pids-limit=20",
                   "--shm-size", "1.5k", "--ulimit", "nofile=10:20", "--ulimit", "core=-1",
                   "i")["HostConfig"]
    same(host["Memory"], 64 << 20)
    same(host["MemorySwap"], -1)
    same(host["NanoCpus"], 1500000000)
    same(host["PidsLimit"], 20)
    same(host["ShmSize"], 1536)
    same(host["Ulimits"], [{"Name": "nofile", "Soft": 10, "Hard": 20},
                           {"Name": "core", "Soft": -1, "Hard": -1}])


def volumes_and_mounts():
    body = created("-v", "/a:/b:ro", "-v", "data:/d", "-v", "./here:/h", "-v", "/anonymous",
                   "--tmpfs", "/t:size=1m", "--mount", "type=bind,src=/x,dst=/y,readonly",
                   "--mount", "type=tmpfs,target=/z,tmpfs-size=1m,tmpfs-mode=700", "i")
    same(body["HostConfig"]["Binds"], ["/a:/b:ro", "data:/d", os.getcwd() + "/here:/h"])
    same(body["Volumes"], {"/anonymous": {}})
    same(body["HostConfig"]["Tmpfs"], {"/t": "size=1m"})
    same(body["HostConfig"]["Mounts"],
         [{"Type": "bind", "Source": "/x", "Target": "/y", "ReadOnly": True},
          {"Type": "tmpfs", "Target": "/z", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 448}}])


def security():
    with open("profile.json", "w") as file:
        file.write('{ "defaultAction" :  "SCMP_ACT_ALLOW" }')
    host = created("--security-opt", "seccomp:unconfined", "--security-opt", "no-new-privileges",
                   "--security-opt=seccomp=profile.json", "--cap-add=NET_ADMIN", "--cap-drop", "ALL",
                   "--privileged", "--read-only", "i")["HostConfig"]
    same(host["SecurityOpt"], ["seccomp=unconfined", "no-new-privileges",
                               'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'])
    same((host["CapAdd"], host["CapDrop"]), (["NET_ADMIN"], ["ALL"]))
    same((host["Privileged"], host["ReadonlyRootfs"]), (True, True))


def identity():
    body = created("-h", "box", "-u1:2", "-w", "/w", "-l", "a=b", "--label", "c", "--net=none",
                   "--stop-signal", "INT", "--stop-timeout", "3", "-i", "i")
    same([body[key] for key in ("Hostname", "User", "WorkingDir", "StopSignal", "StopTimeout")],
         ["box", "1:2", "/w", "INT", 3])
    same(body["Labels"], {"a": "b", "c": ""})
    same(body["HostConfig"]["NetworkMode"], "none")
    same((body["OpenStdin"], body["StdinOnce"]), (True, True))


def id_file():
    same(stasis("run", "-d", "--cidfile", "id", "i"), ID + "\n")
    with open("id") as file:
        same(file.read(), ID)
    must_fail(STASIS, *HOST, "run", "-d", "--cidfile", "id", "i", status=125,
              says="container ID file found")


def life_of_containers():
    for words, path, query in [
            (["stop", "-t", "3", "c"], "stop", {"t": ["3"]}),
            (["restart", "--time=1", "-s", "HUP", "c"], "restart", {"signal": ["HUP"], "t": ["1"]}),
            (["kill", "-sTERM", "c"], "kill", {"signal": ["TERM"]}),
            (["pause", "c"], "pause", {}),
            (["unpause", "c"], "unpause", {}),
            (["container", "start", "c"], "start", {}),
            (["start", "--checkpoint", "p", "--checkpoint-dir", "d", "c"], "start",
             {"checkpoint": ["p"], "checkpoint-dir": [os.getcwd() + "/d"]})]:
        same(stasis(*words), "c\n")
        same(parse_qs(engine.asked_for("POST", "/containers/c/" + path)[1]), query)
    same(stasis("rename", "c", "d"), "")
    same(stasis("rm", "-fv", "c"), "c\n")
    same(engine.asked_for("DELETE", "/containers/c")[1], "force=1&v=1")


def checkpoints_as_docker_1_10_had_them():
    same(stasis("checkpoint", "--image-dir", "/tmp/x", "c"), "c\n")
    same(engine.asked_for("POST", "/containers/c/checkpoint")[0],
         {"leaveRunning": False, "ignoreRootfs": False, "imageDir": "/tmp/x"})
    same(stasis("checkpoint", "--leave-running", "c", "--work-dir=w", "--ignore-rootfs"), "c\n")
    same(engine.asked_for("POST", "/containers/c/checkpoint")[0],
         {"leaveRunning": True, "ignoreRootfs": True, "workDir": os.getcwd() + "/w"})
    for force, wanted in (["--force=true"], True), (["--force"], True), (["--force=false"], False):
        same(stasis("restore", *force, "--image-dir=/tmp/x", "c"), "c\n")
        same(engine.asked_for("POST", "/containers/c/restore")[0],
             {"force": wanted, "imageDir": "/tmp/x"})


def checkpoints_as_docker_1_12_had_them():
    same(stasis("checkpoint", "create", "--leave-running", "c", "p"), "p\n")
    same(engine.asked_for("POST", "/containers/c/checkpoints")[0],
         {"CheckpointID": "p", "Exit": False})
    stasis("checkpoint", "create", "--checkpoint-dir", "/tmp/d", "c", "p")
    same(engine.asked_for("POST", "/containers/c/checkpoints")[0],
         {"CheckpointID": "p", "Exit": True, "CheckpointDir": "/tmp/d"})
    same(stasis("checkpoint", "ls", "c"), "CHECKPOINT NAME\np\nq\n")
    same(stasis("checkpoint", "rm", "--checkpoint-dir=/tmp/d", "c", "p"), "")
    same(engine.asked_for("DELETE", "/containers/c/checkpoints/p")[1], "dir=/tmp/d")


def container_that_is_called_as_a_subcommand():
    same(stasis("checkpoint", "--", "create"), "create\n")
    same(stasis("checkpoint", "--leave-running", "ls"), "ls\n")


def lists():
    engine.replies["GET", "/containers/json"] = (200, [])
    for words, query in [
            (["ps"], {}), (["ps", "-a"], {"all": ["1"]}), (["ps", "-l"], {"all": ["1"], "limit": ["1"]}),
            (["ps", "-n", "3"], {"all": ["1"], "limit": ["3"]}),
            (["container", "ls", "-s"], {"size": ["1"]}),
            (["ps", "-f", "name=a", "--filter", "status=b", "-f", "name=c"],
             {"filters": ['{"name":{"a":true,"c":true},"status":{"b":true}}']})]:
        stasis(*words)
        same(parse_qs(engine.asked_for("GET", "/containers/json")[1]), query)


def images_in_files():
    with open("image.tar", "wb") as file:
        file.write(os.urandom(300000))
    with open("image.tar", "rb") as file:
        data = file.read()
    engine.replies["POST", "/images/create"] = (200, {"status": "sha256:1"})
    engine.replies["POST", "/images/load"] = lambda handler: handler.send_chunks(
        b'{"stream":"Loaded image: a\\n"}\r\n', b'{"stream":"Loaded image: b\\n"}\r\n')
    same(stasis("import", "-m", "hello", "-c", "CMD x", "image.tar", "host:5000/a:1"), "sha256:1\n")
    asked = engine.asked[-1]
    same(asked[3], data)
    same(parse_qs(asked[2]), {"fromSrc": ["-"], "repo": ["host:5000/a"], "tag": ["1"],
                              "message": ["hello"], "changes": ["CMD x"]})
    same(stasis("load", "-i", "image.tar"), "Loaded image: a\nLoaded image: b\n")
    same(engine.asked[-1][3], data)
    engine.replies["POST", "/images/load"] = (200, {"error": "bad archive"})
    must_fail(STASIS, *HOST, "load", "-i", "image.tar", status=1, says="bad archive")
    engine.replies["GET", "/images/get"] = lambda handler: handler.send_chunks(data[:5], data[5:])
    stasis("save", "-o", "saved.tar", "a", "b")
    with open("saved.tar", "rb") as file:
        same(file.read(), data)
    same(parse_qs(engine.asked[-1][2]), {"names": ["a", "b"]})


suite = Suite()
for test in (image_and_command, names, environment, limits, volumes_and_mounts, security, identity,
             id_file, life_of_containers, checkpoints_as_docker_1_10_had_them,
             checkpoints_as_docker_1_12_had_them, container_that_is_called_as_a_subcommand, lists,
             images_in_files):
    suite.run(test.__name__.replace("_", " "), test)
engine.close()
suite.end()
