#!/usr/bin/env python3
# time limit: 120
"""The protocol of the API as a client on the daemon's socket sees it: versions, errors, streams,
connections taken over, limits, clients that go away."""
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

from engines import Engine
from tests import STASIS, Suite, demand, must, must_fail, run, wait_until

LOOP = ["sh", "-c", "i=0; while true; do echo $i; i=$(expr $i + 1); sleep 0.05; done"]


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


def ask(engine, method, path, body=None, **headers):
    connection = Connection(engine.socket)
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    connection.request(method, path, body, headers)
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def expect(engine, status, method, path, body=None, message=None):
    answer = ask(engine, method, path, body)
    demand(answer.status == status, "%s %s: %d %s" % (method, path, answer.status, answer.body))
    if status >= 400:
        said = answer.json()
        demand(list(said) == ["message"] and "\n" not in said["message"], said)
        demand(message is None or message in said["message"], said)
    return answer


def create(engine, name, command, **config):
    body = {"Image": "busybox", "Cmd": command, **config}
    return expect(engine, 201, "POST", "/containers/create?name=" + name, body).json()["Id"]


def raw(engine, text):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(engine.socket)
    connection.sendall(text.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    return connection


def read_until(connection, end):
    data = b""
    while end not in data:
        piece = connection.recv(4096)
        demand(piece, "closed after %r" % data)
        data += piece
    return data


def read_to_end(connection):
    data = b""
    while piece := connection.recv(4096):
        data += piece
    return data


def frames(data):
    """[(stream, bytes)] of a framed stream."""
    found = []
    while data:
        stream, size = struct.unpack(">BxxxI", data[:8])
        demand(len(data) >= 8 + size, "a frame is cut off: %r" % data)
        found.append((stream, data[8:8 + size]))
        data = data[8 + size:]
    return found


def text_of(found, stream):
    return b"".join(data for number, data in found if number == stream)


def versions(engine):
    for path in "/_ping", "/v1.24/_ping", "/v1.43/_ping":
        answer = expect(engine, 200, "GET", path)
        demand(answer.body == b"OK", answer.body)
        for name, value in (("API-Version", "1.43"), ("Docker-Experimental", "true"),
                            ("OSType", "linux")):
            demand(answer.headers[name] == value, "%s: %s" % (name, answer.headers[name]))
    demand(expect(engine, 200, "HEAD", "/_ping").body == b"", "HEAD has a body")
    expect(engine, 400, "GET", "/v1.44/info", message="client version 1.44 is too new. Maximum "
           "supported API version is 1.43")
    expect(engine, 400, "GET", "/v1.23/info", message="client version 1.23 is too old. Minimum "
           "supported API version is 1.24")
    version = expect(engine, 200, "GET", "/version").json()
    demand((version["ApiVersion"], version["MinAPIVersion"]) == ("1.43", "1.24"), version)
    demand(version["Components"][0]["Details"]["ApiVersion"] == "1.43", version)


def unknown_things(engine):
    for method, path in (("GET", "/nope"), ("PUT", "/_ping"), ("GET", "/v1.43"), ("GET", "/"),
                         ("GET", "/containers//json"), ("POST", "/swarm/init")):
        expect(engine, 404, method, path, message="page not found")
    for path in "json", "top", "logs?stdout=1", "checkpoints":
        expect(engine, 404, "GET", "/containers/nope/" + path, message="No such container: nope")
    for path in "start", "stop", "kill", "pause", "wait", "attach?stream=1", "restart":
        expect(engine, 404, "POST", "/containers/nope/" + path, message="No such container: nope")
    expect(engine, 404, "DELETE", "/containers/nope", message="No such container: nope")
    expect(engine, 404, "GET", "/images/nope/x:y/json", message="No such image: nope/x:y")
    expect(engine, 404, "GET", "/images/get?names=nope", message="No such image: nope")
    expect(engine, 404, "POST", "/images/create?fromImage=nope&tag=latest", message="nope")
    expect(engine, 404, "GET", "/networks/nope", message="network nope not found")
    expect(engine, 404, "GET", "/volumes/nope")
    expect(engine, 404, "POST", "/exec/nope/start", {}, message="nope")


def bad_bodies(engine):
    for body in "{", "[]", "7", "\xff", '{"a":1,"a":2}', "[" * 100000, '{"Image":"\\u0000"}':
        expect(engine, 400, "POST", "/containers/create", body.encode("latin-1"))
    for body in {}, {"Image": 7}, {"Image": ["busybox"]}, {"Image": "busybox", "Cmd": 7}:
        expect(engine, 400, "POST", "/containers/create", body)
    expect(engine, 413, "POST", "/containers/create", b" " * (5 << 20))
    expect(engine, 400, "GET", "/containers/json?filters=x")
    expect(engine, 400, "GET", "/containers/json?filters=%7B%22status%22:7%7D")
    expect(engine, 400, "GET", "/containers/json?limit=x")
    expect(engine, 400, "POST", "/containers/create?name=a/b", {"Image": "busybox"})
    expect(engine, 400, "POST", "/containers/create?name=..", {"Image": "busybox"})
    expect(engine, 404, "POST", "/containers/create", {"Image": "nope"},
           message="No such image: nope:latest")
    demand(expect(engine, 200, "GET", "/containers/json?all=1").json() == [], "one was made")
    long = ask(engine, "GET", "/" + "a" * 100000)
    demand(long.status in (414, 431), long.status)


def lifecycle(engine):
    id = create(engine, "life", ["sleep", "100"])
    demand(re.fullmatch("[0-9a-f]{64}", id), id)
    expect(engine, 409, "POST", "/containers/create?name=life", {"Image": "busybox"},
           message='"/life" is already in use by container "%s"' % id)
    expect(engine, 304, "POST", "/containers/life/stop")
    expect(engine, 409, "POST", "/containers/life/kill")
    expect(engine, 204, "POST", "/containers/life/start")
    expect(engine, 304, "POST", "/v1.24/containers/%s/start" % id[:12])
    expect(engine, 409, "DELETE", "/containers/life", message="running")
    expect(engine, 204, "POST", "/containers/life/pause")
    expect(engine, 204, "POST", "/containers/life/unpause")
    expect(engine, 204, "POST", "/containers/life/rename?name=lives")
    top = expect(engine, 200, "GET", "/containers/lives/top").json()
    demand(any("sleep" in " ".join(row) for row in top["Processes"]), top)
    listed = expect(engine, 200, "GET", '/containers/json?filters={"name":["lives"]}').json()
    demand([one["Id"] for one in listed] == [id] and listed[0]["Names"] == ["/lives"], listed)
    expect(engine, 400, "POST", "/containers/lives/kill?signal=NOPE")
    expect(engine, 204, "POST", "/containers/lives/stop?t=0")
    state = expect(engine, 200, "GET", "/containers/lives/json").json()["State"]
    demand((state["Status"], state["ExitCode"]) == ("exited", 137), state)
    expect(engine, 204, "DELETE", "/containers/lives")


def wait_answers_headers_first(engine):
    create(engine, "waited", ["sh", "-c", "exit 7"])
    waiting = raw(engine, "POST /v1.43/containers/waited/wait?condition=next-exit HTTP/1.1\nHost: d")
    head = read_until(waiting, b"\r\n\r\n")
    demand(head.startswith(b"HTTP/1.1 200") and head.endswith(b"\r\n\r\n"), head)
    expect(engine, 204, "POST", "/containers/waited/start")
    body = read_until(waiting, b"0\r\n\r\n")
    demand(b'{"StatusCode":7}' in body, body)
    again = expect(engine, 200, "POST", "/containers/waited/wait").json()
    demand(again["StatusCode"] == 7, again)
    waiting.close()
    expect(engine, 400, "POST", "/containers/waited/wait?condition=nope")
    expect(engine, 204, "DELETE", "/containers/waited")


def attach_takes_the_connection_over(engine):
    for upgrade in "\nConnection: Upgrade\nUpgrade: tcp", "":
        create(engine, "cat", ["sh", "-c", "cat; echo done >&2"], OpenStdin=True, StdinOnce=True,
               AttachStdin=True)
        joined = raw(engine, "POST /v1.41/containers/cat/attach?stream=1&stdin=1&stdout=1&stderr=1"
                     " HTTP/1.1\nHost: d" + upgrade)
        head = read_until(joined, b"\r\n\r\n")
        demand(b" 101 " in head if upgrade else b" 200 " in head, head)
        demand(b"application/vnd.docker.raw-stream" in head, head)
        expect(engine, 204, "POST", "/containers/cat/start")
        joined.sendall(b"a line\n")
        joined.shutdown(socket.SHUT_WR)
        found = frames(read_to_end(joined))
        demand(text_of(found, 1) == b"a line\n" and text_of(found, 2) == b"done\n", found)
        expect(engine, 204, "DELETE", "/containers/cat?force=1")


def logs_are_framed(engine):
    create(engine, "logs", ["sh", "-c", "echo out; echo err >&2; sleep 0.1; echo more"])
    expect(engine, 204, "POST", "/containers/logs/start")
    expect(engine, 200, "POST", "/containers/logs/wait")
    expect(engine, 400, "GET", "/containers/logs/logs")
    answer = expect(engine, 200, "GET", "/containers/logs/logs?stdout=1&stderr=1")
    found = frames(answer.body)
    demand(text_of(found, 1) == b"out\nmore\n" and text_of(found, 2) == b"err\n", found)
    demand(answer.headers["Content-Type"] == "application/vnd.docker.multiplexed-stream", "type")
    tail = frames(expect(engine, 200, "GET", "/containers/logs/logs?stdout=1&tail=1").body)
    demand(tail == [(1, b"more\n")], tail)
    stamped = frames(expect(engine, 200, "GET", "/containers/logs/logs?stderr=1&timestamps=1").body)
    demand(re.fullmatch(rb"\d{4}-\d\d-\d\dT[0-9:.]+Z err\n", stamped[0][1]), stamped)
    old = frames(read_to_end(raw(engine, "POST /containers/logs/attach?logs=1&stdout=1 HTTP/1.0"))
                 .partition(b"\r\n\r\n")[2])
    demand(text_of(old, 1) == b"out\nmore\n", old)
    expect(engine, 204, "DELETE", "/containers/logs")


def exec_in_a_container(engine):
    create(engine, "base", ["sleep", "100"])
    expect(engine, 409, "POST", "/containers/base/exec", {"Cmd": ["true"]})
    expect(engine, 204, "POST", "/containers/base/start")
    config = {"Cmd": ["sh", "-c", "cat; exit 3"], "AttachStdin": True, "AttachStdout": True}
    id = expect(engine, 201, "POST", "/containers/base/exec", config).json()["Id"]
    joined = raw(engine, "POST /exec/%s/start HTTP/1.1\nHost: d\nConnection: Upgrade\nUpgrade: tcp\n"
                 "Content-Type: application/json\nContent-Length: 2\n\n{}" % id)
    read_until(joined, b"\r\n\r\n")
    joined.sendall(b"through")
    joined.shutdown(socket.SHUT_WR)
    found = frames(read_to_end(joined))
    demand(text_of(found, 1) == b"through", found)
    state = wait_until(lambda: (lambda s: not s["Running"] and s)(
        expect(engine, 200, "GET", "/exec/%s/json" % id).json()), "the end of exec")
    demand(state["ExitCode"] == 3, state)
    expect(engine, 204, "DELETE", "/containers/base?force=true")


def checkpoints(engine):
    create(engine, "looper", LOOP)
    expect(engine, 409, "POST", "/containers/looper/checkpoints", {"CheckpointID": "x"})
    expect(engine, 204, "POST", "/containers/looper/start")
    expect(engine, 400, "POST", "/containers/looper/checkpoints", {})
    expect(engine, 400, "POST", "/containers/looper/checkpoints", {"CheckpointID": "../x"})
    expect(engine, 400, "POST", "/containers/looper/checkpoints",
           {"CheckpointID": "x", "CheckpointDir": "relative"})
    expect(engine, 201, "POST", "/containers/looper/checkpoints",
           {"CheckpointID": "one", "Exit": True})
    demand(expect(engine, 200, "GET", "/containers/looper/checkpoints").json()
           == [{"Name": "one"}], "list")
    expect(engine, 404, "POST", "/containers/looper/start?checkpoint=two")
    expect(engine, 204, "POST", "/containers/looper/start?checkpoint=one")
    expect(engine, 204, "DELETE", "/containers/looper/checkpoints/one")
    expect(engine, 404, "DELETE", "/containers/looper/checkpoints/one")
    where = engine.directory + "/images"
    expect(engine, 400, "POST", "/containers/looper/checkpoint", {"imageDir": "relative"})
    expect(engine, 204, "POST", "/containers/looper/checkpoint", {"imageDir": where})
    create(engine, "other", LOOP)
    expect(engine, 204, "POST", "/containers/other/restore", {"imageDir": where, "force": True})
    expect(engine, 409, "POST", "/containers/other/restore", {"imageDir": where, "force": True})
    for name in "looper", "other":
        expect(engine, 204, "DELETE", "/containers/%s?force=1" % name)


def images_as_archives(engine):
    saved = expect(engine, 200, "GET", "/images/busybox/get").body
    demand(len(saved) > 100000, "the archive has %d bytes" % len(saved))
    expect(engine, 201, "POST", "/images/busybox/tag?repo=a/b&tag=c")
    demand(expect(engine, 200, "GET", "/images/get?names=busybox&names=a/b:c").body, "empty")
    report = expect(engine, 200, "DELETE", "/images/a/b:c").json()
    demand(report == [{"Untagged": "a/b:c"}], report)
    said = expect(engine, 200, "POST", "/images/load", saved).json()
    demand("Loaded image: busybox:latest" in said["stream"], said)
    for garbage in b"", b"x" * 100000, saved[:len(saved) // 2]:
        expect(engine, 400, "POST", "/images/load", garbage)
    archive = engine.directory + "/root.tar"
    must("tar", "-cf", archive, "-C", "/", "bin/busybox")
    with open(archive, "rb") as file:
        content = file.read()
    status = expect(engine, 200, "POST", "/images/create?fromSrc=-&repo=made&tag=up&changes="
                    "CMD%20/bin/busybox&changes=ENV%20A=b", content).json()["status"]
    image = expect(engine, 200, "GET", "/images/made:up/json").json()
    demand(image["Id"] == status and "A=b" in image["Config"]["Env"], image)
    expect(engine, 200, "DELETE", "/images/made:up")


def one_connection_serves_many(engine):
    connection = Connection(engine.socket)
    for path in ["/_ping", "/nope", "/info", "/containers/json", "/images/json"] * 4:
        connection.request("GET", path)
        connection.getresponse().read()
        demand(connection.sock is not None, "closed after " + path)
    connection.close()


def clients_that_go_away(engine):
    create(engine, "quiet", ["sleep", "100"])
    expect(engine, 204, "POST", "/containers/quiet/start")
    pid = engine.daemon.pid
    used = lambda: (len(os.listdir("/proc/%d/fd" % pid)), len(os.listdir("/proc/%d/task" % pid)))
    ask(engine, "GET", "/_ping")
    requests = ["GET /containers/quiet/logs?stdout=1&follow=1 HTTP/1.1\nHost: d",
                "POST /containers/quiet/wait HTTP/1.1\nHost: d", "GET /events HTTP/1.1\nHost: d",
                "POST /containers/quiet/attach?stream=1&stdout=1 HTTP/1.1\nHost: d\n"
                "Connection: Upgrade\nUpgrade: tcp", "GET /images/busybox/get HTTP/1.1\nHost: d",
                "POST /images/load HTTP/1.1\nHost: d\nContent-Length: 100000\n\nabc"]
    wait_until(lambda: used()[1] <= 2, "idle threads to end")
    before = used()
    for _ in range(5):
        for request in requests:
            connection = raw(engine, request)
            if "load" not in request:
                read_until(connection, b"\r\n\r\n")
            connection.close()
            raw(engine, request).close()
            raw(engine, request[:len(request) // 2]).close()
    wait_until(lambda: used()[0] <= before[0] + 1 and used()[1] <= before[1],
               "what was used to be released (%s, %s)" % (before, used()))
    expect(engine, 204, "DELETE", "/containers/quiet?force=1")


def one_daemon_per_socket(engine):
    mode = os.stat(engine.socket).st_mode
    demand(mode & 0o777 == 0o660, oct(mode))
    must_fail(STASIS, "daemon", "--data-root", engine.root, "--host", "unix://" + engine.socket,
              says="another daemon")
    expect(engine, 200, "GET", "/_ping")
    engine.stop_daemon(signal.SIGKILL)
    demand(os.path.exists(engine.socket), "the socket is gone")
    engine.start_daemon()
    expect(engine, 200, "GET", "/_ping")
    following = raw(engine, "GET /events HTTP/1.1\nHost: d")
    read_until(following, b"\r\n\r\n")
    began = time.monotonic()
    engine.stop_daemon()
    demand(time.monotonic() - began < 3, "the daemon took long to end")
    demand(not os.path.exists(engine.socket), "the socket is left")


def main():
    suite = Suite()
    engine = Engine("protocol", "daemon")
    try:
        for test in (versions, unknown_things, bad_bodies, lifecycle, wait_answers_headers_first,
                     attach_takes_the_connection_over, logs_are_framed, exec_in_a_container,
                     checkpoints, images_as_archives, one_connection_serves_many,
                     clients_that_go_away, one_daemon_per_socket):
            suite.run("api: " + test.__name__.replace("_", " "), test, engine)
    finally:
        engine.release()
    suite.end()


main()
