"""The topics of the mesh as an AsyncAPI 3.0 document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel

from labmesh.cli._topic_table import TOPIC_CLASSES, TopicClass
from messages.schema import json_schema, schema_hash
from messages.topics import DEFAULT_REALM

_MQTT: Final = "0.2.0"
"""Version of AsyncAPI's binding for MQTT, which serves MQTT 5 too (its mqtt5 is deprecated)."""

_PARAMETERS: Final = {
    "realm": f"First level of every topic, {DEFAULT_REALM} by default.",
    "site": "Site of the publisher.",
    "node": "The publisher.",
    "toSite": "Site of the addressee.",
    "toNode": "The addressee.",
    "service": "Dotted name of a service.",
    "instance": "Tells processes of one identity apart; a node's is 0.",
    "quantity": "What is measured, computed or done.",
    "method": "By which method.",
    "id": "A uuid, or a sample's name.",
    "kind": "Of entry or event.",
    "component": "A part of the node.",
    "type": "Message type, Request@1.",
    "hash": "sha256 of the canonical JSON Schema, in hex.",
    "stream": "A stream of the node.",
    "level": "debug, info, warn, error or fatal.",
    "sha256": "Of an artifact, in hex.",
}


def asyncapi(extra: Mapping[str, type[BaseModel]] | None = None) -> dict[str, Any]:
    """Return the document; every payload is an envelope in msgpack.

    Args:
        extra: Types besides those in the table of topics, for ``~/data`` and ``~/event``.
    """
    known: dict[str, type[BaseModel]] = {
        model.TYPE: model for each in TOPIC_CLASSES for model in each.models
    }
    known = dict(sorted(known.items())) | dict(extra or {})
    schemas: dict[str, Any] = {}
    for name, model in known.items():
        _add(schemas, _key(name), json_schema(model))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Labmesh",
            "version": version("labmesh"),
            "description": "Nodes of an autonomous laboratory over MQTT 5. A node publishes below "
            "its own prefix only; whoever is addressed comes later in the topic.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/msgpack",
        "servers": {
            "mesh": {
                "host": "localhost:1883",
                "protocol": "mqtt",
                "protocolVersion": "5.0",
                "description": "The site's MQTT broker.",
            }
        },
        "channels": {each.name: _channel(each, known) for each in TOPIC_CLASSES},
        "operations": {f"publish_{each.name}": _operation(each, known) for each in TOPIC_CLASSES},
        "components": {
            "messages": {_key(name): _message(name, model) for name, model in known.items()},
            "schemas": schemas,
        },
    }


def _channel(topic: TopicClass, known: Mapping[str, Any]) -> dict[str, Any]:
    address = f"{{realm}}/{{site}}/{{node}}/{topic.address}"
    names = re.findall(r"\{(\w+)\}", address)
    return {
        "address": address,
        "description": topic.description,
        "parameters": {name: {"description": _PARAMETERS[name]} for name in names},
        "messages": {
            _key(name): {"$ref": f"#/components/messages/{_key(name)}"}
            for name in _types(topic, known)
        },
    }


def _operation(topic: TopicClass, known: Mapping[str, Any]) -> dict[str, Any]:
    channel = f"#/channels/{topic.name}"
    operation: dict[str, Any] = {
        "action": "send",
        "channel": {"$ref": channel},
        "summary": topic.description,
        "messages": [{"$ref": f"{channel}/messages/{_key(name)}"} for name in _types(topic, known)],
        "bindings": {"mqtt": {"qos": topic.qos, "retain": topic.retained, "bindingVersion": _MQTT}},
    }
    if topic.reply is not None:
        operation["reply"] = {"channel": {"$ref": f"#/channels/{topic.reply}"}}
    return operation


def _types(topic: TopicClass, known: Mapping[str, Any]) -> list[str]:
    if topic.types:
        return list(topic.types)
    named = {name for each in TOPIC_CLASSES for name in each.types}
    return [name for name in known if name not in named]


def _message(name: str, model: type[BaseModel]) -> dict[str, Any]:
    text = {"type": "string"}
    count = {"type": "integer", "minimum": 0}
    properties: dict[str, Any] = {
        "type": {"const": name},
        "schema": {"const": schema_hash(model)},
        "id": {"type": "string", "format": "uuid", "description": "UUIDv7"},
        "stamp": {**count, "description": "nanoseconds UTC by the sender's clock"},
        "from": {**text, "description": "site/node of the author, as in the topic"},
        "epoch": {**count, "description": "the author's boots"},
        "seq": {**count, "description": "the author's messages in this epoch"},
        "trace": {**text, "description": "W3C traceparent, or empty"},
        "body": {"$ref": f"#/components/schemas/{_key(name)}"},
    }
    return {
        "name": name,
        "title": name.partition("@")[0],
        "summary": (model.__doc__ or "").strip().partition("\n")[0],
        "contentType": "application/msgpack",
        "correlationId": {"location": "$message.payload#/id"},
        "payload": {
            "type": "object",
            "required": list(properties),
            "additionalProperties": False,
            "properties": properties,
        },
    }


def _key(name: str) -> str:
    """Return a type's name as a component may be called: ``Request.1``."""
    return name.replace("@", ".")


def _add(schemas: dict[str, Any], key: str, schema: Mapping[str, Any]) -> None:
    """Add a schema, and its definitions under names of their own, for one document has one root."""
    definitions = schema.get("$defs", {})

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: f"#/components/schemas/{key}.{item.removeprefix('#/$defs/')}"
                if name == "$ref" and isinstance(item, str)
                else moved(item)
                for name, item in value.items()
                if name != "$defs"
            }
        return [moved(item) for item in value] if isinstance(value, list) else value

    schemas[key] = moved(schema)
    for name, definition in definitions.items():
        schemas[f"{key}.{name}"] = moved(definition)
