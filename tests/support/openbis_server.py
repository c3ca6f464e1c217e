"""An openBIS as far as pyBIS and the ELN node speak with it: JSON-RPC and the upload of data sets.

It is a stub of the protocol, no openBIS: what a real server does beyond this is not tested. It
remembers what was created, so that searches find it, and refuses what a real one refuses: unknown
types and properties, codes twice, parents that are not there, values of the wrong kind.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

TOKEN: Final = "$pat-tester-8f3e2a"  # noqa: S105 - of this stub alone
_CODE: Final = re.compile(r"[A-Z0-9._$-]+")
_STAMP: Final = 1_770_000_000_000

Object = dict[str, Any]


class RefusalError(Exception):
    """The server's error of a call."""


class OpenBisServer:
    """A server on a free port of this machine; a context manager.

    Attributes:
        samples: By identifier; ``data_sets`` by permId, ``annotations`` and so on alike.
        calls: The methods that were called, in order.
        before: Called with each method's name before it is answered; may raise `RefusalError`.
    """

    def __init__(self) -> None:
        self.spaces: dict[str, Object] = {"DEFAULT": _space("DEFAULT")}
        self.projects: dict[str, Object] = {}
        self.experiments: dict[str, Object] = {}
        self.samples: dict[str, Object] = {}
        self.data_sets: dict[str, Object] = {}
        self.types: dict[str, dict[str, Object]] = {"Sample": {}, "DataSet": {}, "Experiment": {}}
        self.properties: dict[str, Object] = {}
        self.annotations: list[Object] = []
        self.uploads: dict[str, dict[str, bytes]] = {}
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda _method: None
        self._count = 0
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> OpenBisServer:
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take_types_of(self, other: OpenBisServer) -> None:
        """Begin with the types, properties and annotations that another one has."""
        self.types, self.properties, self.annotations = copy.deepcopy(
            (other.types, other.properties, other.annotations)
        )

    def counts(self) -> dict[str, int]:
        """Return how many there are of each kind."""
        return {
            "samples": len(self.samples), "data_sets": len(self.data_sets),
            "annotations": len(self.annotations), "properties": len(self.properties),
            "types": sum(map(len, self.types.values())),
        }  # fmt: skip

    # -- the protocol ---------------------------------------------------------------------------

    def call(self, method: str, params: list[Any]) -> Any:
        """Answer a JSON-RPC call."""
        with self._lock:
            self.calls.append(method)
            self.before(method)
            if method == "isSessionActive":
                return params[0] == TOKEN
            if params[0] != TOKEN:
                raise RefusalError(f"Session token '{params[0]}' is invalid: user is not logged in")
            answer = getattr(self, f"_{method}", None)
            if answer is None:
                raise RefusalError(f"the stub does not know the method {method}")
            return answer(*params[1:])

    def _getServerInformation(self) -> Object:  # noqa: N802
        return {
            "api-version": "3.7", "project-samples-enabled": "true",
            "archiving-configured": "false",
            "personal-access-tokens-enabled": "true", "openbis-version": "20.10.9",
        }  # fmt: skip

    def _searchDataStores(self, *_: Any) -> Object:  # noqa: N802
        store = {"code": "DSS1", "downloadUrl": self.url, "remoteUrl": self.url}
        return _page([store], {})

    # Spaces, projects, collections.

    def _getSpaces(self, ids: list[Object], _options: Object) -> Object:  # noqa: N802
        return {i["permId"]: self.spaces[i["permId"]] for i in ids if i["permId"] in self.spaces}

    def _createSpaces(self, new: list[Object]) -> list[Object]:  # noqa: N802
        return [self._new(self.spaces, each["code"], _space(each["code"])) for each in new]

    def _getProjects(self, ids: list[Object], _options: Object) -> Object:  # noqa: N802
        return _found(self.projects, ids)

    def _createProjects(self, new: list[Object]) -> list[Object]:  # noqa: N802
        made = []
        for each in new:
            space = self._one(self.spaces, each["spaceId"]["permId"], "space")
            identifier = f"/{space['code']}/{each['code']}"
            made.append(self._new(self.projects, identifier, {
                "@type": "as.dto.project.Project", "code": each["code"],
                "identifier": _identifier("project", identifier), "space": space,
                "description": each.get("description"), "leader": None, "attachments": None,
            }))  # fmt: skip
        return made

    def _getExperiments(self, ids: list[Object], _options: Object) -> Object:  # noqa: N802
        return _found(self.experiments, ids)

    def _createExperiments(self, new: list[Object]) -> list[Object]:  # noqa: N802
        made = []
        for each in new:
            project = self._referred(self.projects, each["projectId"], "project")
            identifier = f"{project['identifier']['identifier']}/{each['code']}"
            made.append(self._new(self.experiments, identifier, {
                "@type": "as.dto.experiment.Experiment", "code": each["code"],
                "identifier": _identifier("experiment", identifier), "project": project,
                "type": self._type("Experiment", each), "attachments": None, "tags": [],
                "properties": self._checked("Experiment", each),
            }))  # fmt: skip
        return made

    # Objects.

    def _searchSamples(self, criteria: Object, options: Object) -> Object:  # noqa: N802
        wanted = _values(criteria)
        found = [
            each for each in self.samples.values()
            if all(
                value in {each["code"], each["project"]["code"], each["space"]["code"],
                          each["type"]["code"], each["identifier"]["identifier"]}
                for value in wanted
            )
        ]  # fmt: skip
        return _page(found, options)

    def _getSamples(self, ids: list[Object], _options: Object) -> Object:  # noqa: N802
        return _found(self.samples, ids)

    def _createSamples(self, new: list[Object]) -> list[Object]:  # noqa: N802
        made = []
        for each in new:
            project = self._referred(self.projects, each["projectId"], "project")
            parents = [self._referred(self.samples, p, "sample") for p in each["parentIds"] or []]
            collection = self._referred(self.experiments, each["experimentId"], "experiment")
            identifier = f"{project['identifier']['identifier']}/{each['code']}"
            made.append(self._new(self.samples, identifier, {
                "@type": "as.dto.sample.Sample", "code": each["code"],
                "identifier": _identifier("sample", identifier), "project": project,
                "space": project["space"], "experiment": collection,
                "type": self._type("Sample", each), "properties": self._checked("Sample", each),
                "parents": [{"identifier": p["identifier"], "permId": p["permId"]}
                            for p in parents],
                "children": [], "components": [], "container": None, "tags": [],
                "attachments": None, "dataSets": [],
            }))  # fmt: skip
        return made

    # Data sets.

    def _searchDataSets(self, criteria: Object, options: Object) -> Object:  # noqa: N802
        wanted = _values(criteria)
        found = [
            each
            for each in self.data_sets.values()
            if all(value in {each["code"], each["type"]["code"]} for value in wanted)
        ]
        return _page(found, options)

    def _getDataSets(self, ids: list[Object], _options: Object) -> Object:  # noqa: N802
        return _found(self.data_sets, ids)

    def _createUploadedDataSet(self, new: Object) -> Object:  # noqa: N802
        files = self.uploads.pop(new["uploadId"], None)
        if not files:
            raise RefusalError(f"nothing was uploaded as {new['uploadId']}")
        sample = new.get("sampleId") and self._referred(self.samples, new["sampleId"], "sample")
        experiment = sample["experiment"] if sample else self._referred(
            self.experiments, new["experimentId"], "experiment"
        )  # fmt: skip
        self._count += 1
        code = f"20261122-{self._count}"
        self.data_sets[code] = {
            "@type": "as.dto.dataset.DataSet", "code": code,
            "permId": {"permId": code, "@type": "as.dto.dataset.id.DataSetPermId"},
            "type": self._type("DataSet", new), "properties": self._checked("DataSet", new),
            "sample": sample or None, "experiment": experiment, "kind": "PHYSICAL",
            "physicalData": {"shareId": "1", "location": code, "size": 1, "status": "AVAILABLE",
                             "presentInArchive": False},
            "linkedData": None, "parents": [], "children": [], "components": [], "containers": [],
            "tags": [], "dataStore": {"code": "DSS1", "downloadUrl": self.url}, **_stamps(),
            "files": files,
        }  # fmt: skip
        return {"permId": code, "@type": "as.dto.dataset.id.DataSetPermId"}

    def _deleteDataSets(self, ids: list[Object], _options: Object) -> None:  # noqa: N802
        for ident in ids:
            del self.data_sets[ident["permId"]]

    def _searchFiles(self, criteria: Object, _options: Object) -> Object:  # noqa: N802
        (code,) = _values(criteria)
        files = self.data_sets[code]["files"]
        return _page([
            {"dataSetPermId": {"permId": code}, "path": f"original/{name}", "directory": False,
             "dataStore": {"code": "DSS1", "downloadUrl": self.url}, "downloadUrl": self.url,
             "fileLength": len(content), "checksumCRC32": 0, "checksum": None,
             "checksumType": None}
            for name, content in files.items()
        ], {})  # fmt: skip

    def upload(self, query: dict[str, list[str]], content: bytes) -> Object:
        """Take a file into the session's workspace."""
        with self._lock:
            self.calls.append("upload")
            self.before("upload")
            if query["sessionID"] != [TOKEN]:
                raise RefusalError("no such session")
            upload, name = query["filename"][0].split("/", 1)
            self.uploads.setdefault(upload, {})[name.removeprefix("default/")] = content
            return {"size": len(content), "status": "ok"}

    # Types, properties, annotations.

    def _searchPropertyTypes(self, _criteria: Object, options: Object) -> Object:  # noqa: N802
        return _page(list(self.properties.values()), options)

    def _getPropertyTypes(self, ids: list[Object], _options: Object) -> Object:  # noqa: N802
        return {i["permId"]: self.properties[i["permId"]] for i in ids
                if i["permId"] in self.properties}  # fmt: skip

    def _createPropertyTypes(self, new: list[Object]) -> list[Object]:  # noqa: N802
        return [
            self._new(self.properties, each["code"], {
                "@type": "as.dto.property.PropertyType", "multiValue": False,
                "semanticAnnotations": [], "sampleType": None, "vocabulary": None, **each,
            })
            for each in new
        ]  # fmt: skip

    def _searchSemanticAnnotations(self, _criteria: Object, options: Object) -> Object:  # noqa: N802
        return _page(self.annotations, options)

    def _createSemanticAnnotations(self, new: list[Object]) -> list[Object]:  # noqa: N802
        made = []
        for each in new:
            self._count += 1
            ident = {"permId": f"annotation-{self._count}"}
            of_type, of_property = each.get("entityTypeId"), each.get("propertyTypeId")
            self.annotations.append({
                **{k: v for k, v in each.items() if k.startswith(("pred", "desc"))},
                "permId": ident, "creationDate": _STAMP, "propertyAssignment": None,
                "entityType": of_type and self._one(
                    self.types["Sample"], of_type["permId"], "type"),
                "propertyType": of_property and self._one(
                    self.properties, of_property["permId"], "property"),
            })  # fmt: skip
            made.append(ident)
        return made

    def __getattr__(self, name: str) -> Any:
        """Return the answers that object, data set and collection types share."""
        found = re.fullmatch(r"_(get|search|create|update)(Sample|DataSet|Experiment)Types", name)
        if found is None:
            raise AttributeError(name)
        verb, kind = found.groups()
        return lambda *arguments: getattr(self, f"_types_{verb}")(kind, *arguments)

    def _types_search(self, kind: str, _criteria: Object, options: Object) -> Object:
        return _page(list(self.types[kind].values()), options)

    def _types_get(self, kind: str, ids: list[Object], _options: Object) -> Object:
        there = self.types[kind]
        return {i["permId"]: there[i["permId"]] for i in ids if i["permId"] in there}

    def _types_create(self, kind: str, new: list[Object]) -> list[Object]:
        names = {"Sample": "sample", "DataSet": "dataset", "Experiment": "experiment"}
        return [
            self._new(self.types[kind], each["code"], {
                **each, "@type": f"as.dto.{names[kind]}.{kind}Type", "propertyAssignments": [],
                "validationPlugin": None,
            })
            for each in new
        ]  # fmt: skip

    def _types_update(self, kind: str, changes: list[Object]) -> None:
        for change in changes:
            found = self._one(self.types[kind], change["typeId"]["permId"], "type")
            for action in change["propertyAssignments"]["actions"]:
                for item in action["items"]:
                    wanted = self._one(
                        self.properties, item["propertyTypeId"]["permId"], "property"
                    )
                    found["propertyAssignments"].append({
                        "@type": "as.dto.property.PropertyAssignment", "propertyType": wanted,
                        "mandatory": item["mandatory"], "section": None, "ordinal": 1,
                        "plugin": None, "showInEditView": True, "showRawValueInForms": True,
                        "registrationDate": _STAMP, "registrator": None,
                    })  # fmt: skip

    # What all of them need.

    def _new(self, shelf: dict[str, Object], key: str, made: Object) -> Object:
        if not _CODE.fullmatch(made["code"]) or len(made["code"]) > 100:
            raise RefusalError(f"{made['code']!r} is no code")
        if key in shelf:
            raise RefusalError(f"{key} already exists in the database")
        self._count += 1
        typed = made["@type"].rsplit(".", 1)[-1] if "@type" in made else ""
        plain = key if "/" not in key else f"2026112204{self._count:010d}-{self._count}"
        made["permId"] = {"permId": plain, "@type": f"{typed}PermId"}
        shelf[key] = {**made, **_stamps()}
        return shelf[key]["permId"]  # type: ignore[no-any-return]

    def _one(self, shelf: dict[str, Object], key: str, what: str) -> Object:
        if key not in shelf:
            raise RefusalError(f"there is no {what} {key}")
        return shelf[key]

    def _referred(self, shelf: dict[str, Object], ident: Object | None, what: str) -> Object:
        found = _found(shelf, [ident]) if ident else {}
        if not found:
            raise RefusalError(f"there is no {what} {ident}")
        return next(iter(found.values()))

    def _type(self, kind: str, new: Object) -> Object:
        return self._one(self.types[kind], new["typeId"]["permId"], "type")

    def _checked(self, kind: str, new: Object) -> Object:
        assigned = {
            each["propertyType"]["code"]: each["propertyType"]["dataType"]
            for each in self._type(kind, new)["propertyAssignments"]
        }
        said = {}
        for name, value in (new.get("properties") or {}).items():
            code = name.upper()
            if code not in assigned:
                raise RefusalError(f"property {code} is not assigned to {new['typeId']['permId']}")
            if value is not None:
                _check_value(code, assigned[code], str(value))
                said[code] = value
        return said


def _check_value(code: str, kind: str, value: str) -> None:
    if kind == "TIMESTAMP":
        datetime.strptime(value, "%Y-%m-%d %H:%M:%S %z")
    elif kind == "INTEGER":
        int(value)
    elif kind == "BOOLEAN" and value not in {"true", "false", "True", "False"}:
        raise RefusalError(f"{code} is no boolean: {value}")


def _space(code: str) -> Object:
    return {"@type": "as.dto.space.Space", "code": code, "permId": {"permId": code}, **_stamps()}


def _stamps() -> Object:
    return {"registrationDate": _STAMP, "modificationDate": _STAMP, "registrator": None,
            "modifier": None}  # fmt: skip


def _identifier(kind: str, text: str) -> Object:
    return {"identifier": text, "@type": f"as.dto.{kind}.id.{kind.capitalize()}Identifier"}


def _found(shelf: dict[str, Object], ids: list[Any]) -> Object:
    found = {}
    for ident in ids:
        name = ident.get("identifier") or ident.get("permId")
        for key, each in shelf.items():
            if name in {key, each["permId"]["permId"]}:
                found[name] = each
    return found


def _values(criteria: Any) -> list[str]:
    """Return the values that criteria of any depth ask for."""
    if isinstance(criteria, list):
        return [value for each in criteria for value in _values(each)]
    if not isinstance(criteria, dict):
        return []
    if "fieldValue" in criteria:
        return [criteria["fieldValue"]["value"]]
    return _values(criteria.get("criteria"))


def _page(objects: list[Object], options: Object) -> Object:
    start, count = options.get("from") or 0, options.get("count")
    end = None if count is None else start + count
    return {"objects": objects[start:end], "totalCount": len(objects)}


def _handler(server: OpenBisServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            where = urlsplit(self.path)
            try:
                if where.path == "/datastore_server/session_workspace_file_upload":
                    self._answer(200, server.upload(parse_qs(where.query), content))
                elif where.path in {
                    "/openbis/openbis/rmi-application-server-v3.json",
                    "/datastore_server/rmi-data-store-server-v3.json",
                }:
                    asked = json.loads(content)
                    self._answer(200, {"result": server.call(asked["method"], asked["params"])})
                else:
                    self._answer(404, {})
            except (RefusalError, ValueError, KeyError) as error:
                self._answer(200, {"error": {"message": str(error)}})

        def _answer(self, status: int, value: Any) -> None:
            body = json.dumps(value, default=lambda _: None).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
