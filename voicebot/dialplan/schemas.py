"""JSON Schemas of the YAML files, for editors; written into dialplans/schema/ by `python -m scripts.generate`."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from voicebot.dialplan.loading import INCLUDE
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.routes import Routes


def schemas() -> dict[str, str]:
    """Return the text of each schema by its file name."""
    dialplan = _schema(Dialplan)
    dialplan["properties"][INCLUDE] = {"type": "array", "items": {"type": "string"}, "title": "Files to start from"}
    # The name is that of the file, and an include may bring what is missing here.
    dialplan["required"] = ["version"]
    return {"dialplan.json": _text(dialplan), "routes.json": _text(_schema(Routes))}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}


def _text(schema: dict[str, object]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
