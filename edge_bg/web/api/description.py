"""The API described in its own words: OpenAPI 3.1, made of the calls themselves."""

from __future__ import annotations

import re
from typing import Any

from edge_bg.web.api.calls import BASE, CALLS, Ask, Call, call

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "what is wrong, in words"}},
}
WRONG = {
    400: "the body cannot be read",
    401: "a token, or the operator's session, is needed",
    403: "not allowed: by the config, by the role, or to another site's page",
    404: "it is not there",
    405: "not this way",
    408: "the request did not arrive as a whole",
    409: "not possible just now",
    413: "too large",
    415: "of another type than asked for",
    421: "the Host is not this machine's",
    422: "the values will not do",
    429: "too often: Retry-After says when",
    501: "an optional package is missing",
    503: "too many at one time",
}


def describe() -> dict[str, Any]:
    """The document."""
    paths: dict[str, Any] = {}
    for each in CALLS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "edge_bg booth",
            "version": "1",
            "description": "Roles: view (anybody who may look), guest (where the config has `booth: {control: true}`),"
            " operator (POST /login with the PIN, or `Authorization: Bearer` with booth.token).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": BASE}],
        "paths": paths,
        "components": {"schemas": {"Error": ERROR}},
    }


def _operation(each: Call) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"{(\w+)}", each.path)
    ]
    parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in each.query.items()]
    summary = (each.run.__doc__ or each.gives).splitlines()[0].rstrip(".")
    name = f"{each.method.lower()}{re.sub(r'[^A-Za-z0-9]+', '_', each.path)}"
    done: dict[str, Any] = {"description": each.gives}
    empty = each.gives.startswith("nothing")
    if not empty:
        done["content"] = {each.kind: {"schema": {} if each.kind == "application/json" else {"type": "string"}}}
    operation = {
        "operationId": name,
        "summary": summary,
        "x-role": each.role,
        "parameters": parameters,
        "responses": {str(204 if empty else each.status): done, **_errors()},
    }
    if each.body is not None:
        schema = each.body.model_json_schema()
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    elif each.upload:
        form = {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "format": "binary"}},
        }
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return operation


def _errors() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {str(status): {"description": text, "content": content} for status, text in WRONG.items()}


@call("GET", "/openapi.json", gives="this description")
def openapi(ask: Ask) -> Any:
    """This API, described."""
    return describe()
