from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from scripts.reference import reference


class Account(BaseModel):
    """An account."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    user: str
    """Who registers | or not."""


class Line(BaseModel):
    """A line."""

    port: int = Field(5060, ge=0, le=65535)
    mode: Literal["udp", "tcp"] = "udp"
    account: Account | None = None
    more: dict[str, Account] = {}
    names: tuple[str, ...] = ("a",)


def test_every_key_has_a_row_with_values_and_default() -> None:
    rows = reference(Line.model_json_schema()).splitlines()
    assert "| `port` | integer 0..65535 | `5060` |  |" in rows
    assert '| `mode` | `udp`, `tcp` | `"udp"` |  |' in rows
    assert '| `names` | list of text | `["a"]` |  |' in rows


def test_an_object_inside_has_a_section_by_its_path() -> None:
    text = reference(Line.model_json_schema())
    assert "| `account` | [section](#account) or nothing |  |  |" in text
    assert "## account\n\nAn account.\n" in text
    assert "## more.NAME\n" in text
    assert "| `user` | text | required | Who registers \\| or not. |" in text
