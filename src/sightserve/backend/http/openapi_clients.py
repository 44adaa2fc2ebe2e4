"""What /docs and /openapi.json say of the addresses that other people's clients ask, where FastAPI cannot see it."""

from typing import Any

from sightserve.imaging.formats import MEDIA_TYPES

_BINARY = {"type": "string", "format": "binary"}
_BASE64 = {"type": "string", "contentEncoding": "base64"}
_PIXEL = (  # the smallest GIF, so that "Try it out" does
    "R0lGODdhAQABAIAAAP///////ywAAAAAAQABAAACAkQBADs="
)
_DESCRIPTIONS = {
    "name": "of the model, as `/v2/repository/index` has it",
    "version": "of the model",
    "id": "the answer's, as it was given with it",
}


def path_parameters(*names: str) -> dict[str, Any]:
    """Return the OpenAPI of what stands in an address."""
    return {
        "parameters": [
            {
                "name": n,
                "in": "path",
                "required": True,
                "description": _DESCRIPTIONS[n],
                "schema": {"type": "string", "minLength": 1},
            }
            for n in names
        ]
    }


def raw_image(description: str) -> dict[str, Any]:
    """Return the OpenAPI content of a body that is an image as it is."""
    types = (*MEDIA_TYPES.values(), "application/octet-stream")
    return {"required": True, "description": description, "content": {each: {"schema": _BINARY} for each in types}}


_TENSOR = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "enum": ["image"]},
        "shape": {"type": "array", "items": {"type": "integer"}, "description": "[N] or [N, 1]"},
        "datatype": {"type": "string", "enum": ["BYTES"]},
        "data": {"type": "array", "items": _BASE64, "description": "N photos, each its encoded file in base64"},
        "parameters": {"type": "object", "properties": {"binary_data_size": {"type": "integer", "minimum": 0}}},
    },
    "required": ["name", "shape", "datatype"],
}
_OUTPUT = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "enum": ["probabilities", "label"]},
        "parameters": {
            "type": "object",
            "properties": {
                "classification": {"type": "integer", "minimum": 0, "description": "how many 'score:index:label'"},
                "binary_data": {"type": "boolean"},
            },
        },
    },
    "required": ["name"],
}
V2_INFER: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": (
            "JSON; or, with the header `Inference-Header-Content-Length`, that many bytes of JSON and the photos' bytes behind "
            "it, each after its length in four bytes; 0: one photo and nothing else. gzip and deflate are taken."
        ),
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string"},
                        "parameters": {"type": "object"},
                        "inputs": {"type": "array", "items": _TENSOR, "minItems": 1, "maxItems": 1},
                        "outputs": {"type": "array", "items": _OUTPUT},
                    },
                    "required": ["inputs"],
                },
                "example": {
                    "inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": [_PIXEL]}],
                    "outputs": [{"name": "probabilities", "parameters": {"classification": 3}}, {"name": "label"}],
                },
            },
            "application/octet-stream": {"schema": _BINARY},
        },
    }
}

HUGGING_FACE: dict[str, Any] = {"requestBody": raw_image("An image as it is, or JSON with its base64.")}
HUGGING_FACE["requestBody"]["content"]["application/json"] = {
    "schema": {
        "type": "object",
        "properties": {
            "inputs": _BASE64,
            "parameters": {
                "type": "object",
                "properties": {
                    "top_k": {"type": "integer", "minimum": 1, "nullable": True},
                    "function_to_apply": {"type": "string", "enum": ["softmax", "sigmoid"], "nullable": True},
                },
            },
        },
        "required": ["inputs"],
    },
    "example": {"inputs": _PIXEL, "parameters": {"top_k": 3}},
}

TORCHSERVE: dict[str, Any] = {
    "requestBody": raw_image("An image as it is, or a form with it in a field `data` or `body`.")
}
TORCHSERVE["requestBody"]["content"]["multipart/form-data"] = {
    "schema": {"type": "object", "properties": {"data": _BINARY}, "required": ["data"]}
}
