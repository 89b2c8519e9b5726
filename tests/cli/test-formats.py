#!/usr/bin/env python3
"""Tables, templates and JSON that the command line prints."""
import json
import time

from fake_engine import ID, FakeEngine
from tests import STASIS, Suite, demand, must, must_fail

engine = FakeEngine()
HOST = ["--host", "unix://" + engine.path]
NOW = int(time.time())
engine.replies["GET", "/containers/json"] = (200, [
    {"Id": ID, "Names": ["/looper"], "Image": "busybox", "ImageID": "sha256:" + ID,
     "Command": "/bin/sh -c 'i=0; while true'", "Created": NOW - 200, "Ports": [],
     "Labels": {"a": "1", "b": "2"}, "State": "running", "Status": "Up 3 minutes",
     "SizeRw": 12, "SizeRootFs": 1230000, "Mounts": [{"Name": "", "Source": "/a/very/long/source"}],
     "NetworkSettings": {"Networks": {"none": {}}}},
    {"Id": "f" * 64, "Names": ["/e"], "Image": "x", "ImageID": "", "Command": "c",
     "Created": NOW - 7200, "Ports": [{"PrivatePort": 80, "Type": "tcp"}], "Labels": {},
     "State": "exited", "Status": "Exited (137) 2 hours ago", "Mounts": []}])
engine.replies["GET", "/images/json"] = (200, [
    {"Id": "sha256:" + ID, "RepoTags": ["busybox:latest", "host:5000/b:1"], "Size": 1982000,
     "Created": NOW - 86400 * 40},
    {"Id": "sha256:" + "e" * 64, "RepoTags": [], "Size": 999, "Created": NOW - 61}])
OBJECT = {"Id": ID, "Name": "/c", "State": {"Status": "running", "Running": True, "Pid": 17},
          "Config": {"Env": ["A=1", "B=2"], "Cmd": ["sh", "-c"], "Labels": {"k": "v", "a": "b"},
                     "Entrypoint": None}, "Size": 1.5, "Empty": []}
engine.replies["GET", "/containers/c/json"] = (200, OBJECT)


def stasis(*words):
    return must(STASIS, *HOST, *words)


def same(found, wanted):
    demand(found == wanted, "%r is not %r" % (found, wanted))


def table_of_containers():
    same(stasis("ps", "-a"),
         "CONTAINER ID   IMAGE     COMMAND                  CREATED         STATUS                   "
         "  PORTS     NAMES\n"
         "0123456789ab   busybox   \"/bin/sh -c 'i=0; wh…\"   3 minutes ago   Up 3 minutes             "
         "            looper\n"
         "ffffffffffff   x         \"c\"                      2 hours ago     Exited (137) 2 hours "
         "ago   80/tcp    e\n")
    same(stasis("ps", "-q"), "0123456789ab\nffffffffffff\n")
    same(stasis("ps", "-q", "--no-trunc"), ID + "\n" + "f" * 64 + "\n")


def table_of_images():
    same(stasis("images"),
         "REPOSITORY    TAG       IMAGE ID       CREATED              SIZE\n"
         "busybox       latest    0123456789ab   5 weeks ago          1.98MB\n"
         "host:5000/b   1         0123456789ab   5 weeks ago          1.98MB\n"
         "<none>        <none>    eeeeeeeeeeee   About a minute ago   999B\n")
    same(stasis("image", "ls", "-q"), "0123456789ab\neeeeeeeeeeee\n")


def formats_of_rows():
    for template, wanted in [
            ("{{.Names}}:{{.State}}", "looper:running\ne:exited\n"),
            ("table {{.ID}}\\t{{.Names}}",
             "CONTAINER ID   NAMES\n0123456789ab   looper\nffffffffffff   e\n"),
            ("{{.Label \"a\"}}|{{.Labels}}", "1|a=1,b=2\n|\n"),
            ("{{.Size}} {{.Mounts}} {{.Networks}}", "12B (virtual 1.23MB) /a/very/long/s… none\n"
                                                    "0B  \n"),
            ("{{upper .Names}}", "LOOPER\nE\n")]:
        same(stasis("ps", "--format", template), wanted)
    rows = [json.loads(line) for line in stasis("ps", "--format", "json").splitlines()]
    same((rows[0]["Names"], rows[1]["Ports"]), ("looper", "80/tcp"))
    demand("labels" not in rows[0] and " labels" not in rows[0], rows[0])


TEMPLATES = [
    ("{{.State.Status}} {{.State.Pid}} {{.State.Running}} {{.Size}}", "running 17 true 1.5"),
    ("{{.ID}}", ID),
    ("{{json .State}}", '{"Status":"running","Running":true,"Pid":17}'),
    ("{{json .Id}}", '"%s"' % ID),
    ("{{index .Config.Cmd 1}} {{index .Config.Labels \"k\"}}{{index .Config.Labels \"z\"}}.", "-c v."),
    ("{{range .Config.Env}}{{.}};{{end}}", "A=1;B=2;"),
    ("{{range $i, $e := .Config.Env}}{{$i}}{{$e}} {{end}}", "0A=1 1B=2 "),
    ("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}},{{end}}", "a=b,k=v,"),
    ("{{range .Empty}}x{{else}}none{{end}}", "none"),
    ("{{range .Config.Env}}{{if eq . \"B=2\"}}{{break}}{{end}}{{.}}{{end}}", "A=1"),
    ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
    ("{{if .Empty}}a{{else if eq .State.Pid 17}}b{{else}}c{{end}}", "b"),
    ("{{if .State.Health}}healthy{{else}}-{{end}}", "-"),
    ("{{with .Config}}{{join .Cmd \" \"}}{{end}}", "sh -c"),
    ("{{len .Config.Env}} {{len .Name}}", "2 2"),
    ("{{.Config.Env}} {{.Config.Labels}} {{.Config.Entrypoint}}", "[A=1 B=2] map[a:b k:v] []"),
    ("{{printf \"%s|%-4s|%4d|%q|%.3s|%v|%%\" .Name .Name .State.Pid .Name .Id true}}",
     "/c|/c  |  17|\"/c\"|012|true|%"),
    ("{{.Name | printf \"%s-%s\" \"x\" | upper}}", "X-/C"),
    ("{{println .Name 1}}", "/c 1\n"),
    ("{{$x := .Name}}{{$x}}{{$.Name}}", "/c/c"),
    ("{{(index .Config.Env 0) | lower | title}}", "A=1"),
    ("{{- .Name -}}  x", "/cx"),
    ("{{/* nothing */}}a", "a"),
    ("{{and 1 .Empty}}{{or .Empty \"y\"}}{{not .Empty}}", "[]ytrue"),
    ("{{slice .Id 0 3}} {{truncate .Id 2}} {{pad .Name 1 1}}.", "012 01  /c ."),
    ("{{lt 1 2}} {{ge 1 2}} {{ne .Name \"x\"}}", "true false true"),
    ("{{split \"a,b\" \",\"}}", "[a b]"),
    ("plain \\t text", "plain \t text")]


def templates():
    for template, wanted in TEMPLATES:
        same((template, stasis("inspect", "-f", template, "c")), (template, wanted + "\n"))


def bad_templates():
    for template in ("{{.ID", "{{", "{{.A.B}", "{{.Nope}}", "{{.State.Nope}}", "{{.Name.X}}", "{{end}}",
                     "{{else}}", "{{if .Name}}", "{{range .Name}}{{end}}", "{{nosuch .Name}}",
                     "{{json}}", "{{index .Config.Env 9}}", "{{index .Config.Env \"a\"}}", "{{upper 1}}",
                     "{{$x}}", "{{.Name .Name}}", "{{\"a}}", "{{(.Name}}", "{{.Name |}}", "{{break}}",
                     "{{len 1}}", "{{lt 1 \"a\"}}", "{{1x}}", "{{%}}", "{{if}}{{end}}", "{{pad .Id 1 99999}}",
                     "{{printf 1}}", "{{" + "(" * 500 + "1", "{{if 1}}" * 500):
        result = must_fail(STASIS, *HOST, "inspect", "-f", template, "c", status=1,
                           says="template parsing error")
        demand(result.out == "", result)


def objects():
    text = stasis("inspect", "c")
    same(json.loads(text), [OBJECT])
    demand(text.startswith('[\n    {\n        "Id": "'), text)
    same(json.loads(stasis("inspect", "-f", "json", "c")), [OBJECT])
    result = must_fail(STASIS, *HOST, "inspect", "nosuch", status=1, says="Error: No such object: nosuch")
    same(result.out, "[]\n")


suite = Suite()
for test in (table_of_containers, table_of_images, formats_of_rows, templates, bad_templates, objects):
    suite.run(test.__name__.replace("_", " "), test)
engine.close()
suite.end()
