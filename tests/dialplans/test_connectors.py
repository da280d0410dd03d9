"""What a dialplan may say of its connectors, and what `voicebot check` says to the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialplans.test_faults import faults_of
from voicebot.core.policy import Connector, Lookup, SideEffect
from voicebot.dialplan.loading import load_dialplan

HTTP = "http: {url: 'http://shop.test/{id}'}, parameters: {id: {}}"
BOOK = "http: {url: 'http://shop.test/{id}'}, parameters: {id: {}}, side_effect: reversible, confirm: 'Book {id}?'"
OTHER = "  y: {" + HTTP + "}\n"


def plan(connector: str, more: str = "") -> str:
    return "version: 1\nconnectors:\n  x: {" + connector + "}\n" + more


CASES = {
    "no kind": (
        plan("description: x"),
        "3:3: connectors.x: a connector is one of 'entry', 'http' and 'mcp' (add 'http:'",
    ),
    "two kinds": (
        plan(HTTP + ", entry: 'json:loads'"),
        "connectors.x: a connector is one of 'entry', 'http' and 'mcp', not",
    ),
    "settings": (plan(HTTP + ", settings: {a: b}"), "connectors.x.settings: only a Python function has settings"),
    "url": (plan("http: {url: 'shop.test/x'}"), "3:19: connectors.x.http.url: 'shop.test/x' is not a URL"),
    "url hole": (
        plan("http: {url: 'http://s.test/{od}'}, parameters: {id: {}}"),
        "connectors.x.http.url: {od}: the conn",
    ),
    "optional in url": (
        plan("http: {url: 'http://s.test/{id}'}, parameters: {id: {required: false}}"),
        "connectors.x.http.url: {id}: an optional parameter may have no value",
    ),
    "host": (
        plan("http: {url: 'http://{id}.test/'}, parameters: {id: {}}"),
        "connectors.x.http.url: an argument cannot choose the host",
    ),
    "method": (
        plan("http: {method: FETCH, url: 'http://s.test/'}"),
        "connectors.x.http.method: 'FETCH' is not a choice",
    ),
    "body of a GET": (
        plan("http: {url: 'http://s.test/', body: {a: 1}}"),
        "connectors.x.http.body: a GET request has no",
    ),
    "body hole": (
        plan("http: {method: POST, url: 'http://s.test/', body: {a: ['{od}', 1]}}, parameters: {id: {}}"),
        "connectors.x.http.body: {od}: the connector has no such parameter (there are id)",
    ),
    "status": (plan("http: {url: 'http://s.test/', outcomes: {4040: not_found}}"), "connectors.x.http.outcomes.4040"),
    "jmespath": (
        plan("http: {url: 'http://s.test/', result: {eta: 'a..b'}}"),
        "connectors.x.http.result.eta: 'a..b' is not a JMESPath expression (write it as 'delivery.date')",
    ),
    "secret": (
        plan("http: {url: 'http://s.test/', headers: {Authorization: 'Bearer ${NO_SUCH_TOKEN}'}}"),
        "connectors.x.http.headers.Authorization: the environment variable NO_SUCH_TOKEN is not set (set it",
    ),
    "secret of MCP": (
        plan("mcp: {command: x, tool: t, env: {A: '${NO_SUCH}'}}"),
        "3:43: connectors.x.mcp.env.A: the env",
    ),
    "mcp": (plan("mcp: {tool: t}"), "connectors.x.mcp: an MCP server is a 'command' or a 'url' (name one of them)"),
    "mcp args": (plan("mcp: {url: 'http://s.test/mcp', args: [a], tool: t}"), "'args' and 'env' belong to a command"),
    "mcp headers": (plan("mcp: {command: c, headers: {A: b}, tool: t}"), "connectors.x.mcp.headers: a command has no"),
    "soft": (plan(HTTP + ", soft_ms: 4000"), "connectors.x.soft_ms: a call would be given up before it is a violation"),
    "retries": (
        plan(BOOK + ", retries: 1"),
        "connectors.x.retries: a call that is not idempotent must not be repeated (make it 0, or say 'idempotent:",
    ),
    "idempotent": (
        plan(HTTP + ", idempotent: false"),
        "connectors.x.idempotent: what has no side effect is idempotent",
    ),
    "no question": (
        plan(HTTP + ", side_effect: irreversible"),
        "connectors.x.side_effect: a connector with the side effect 'irreversible' needs the caller's consent (add",
    ),
    "question": (plan(HTTP + ", confirm: 'Sure?'"), "connectors.x.confirm: only what has a side effect is asked for"),
    "question hole": (
        plan(HTTP + ", side_effect: reversible, confirm: 'Book {od}?'"),
        "connectors.x.confirm: {od}: the connector has no such parameter",
    ),
    "optional in question": (
        plan(
            "entry: 'json:loads', parameters: {id: {required: false}}, side_effect: reversible, confirm: 'Book {id}?'"
        ),
        "connectors.x.confirm: {id}: an optional parameter may have no value",
    ),
    "brace": (plan(HTTP + ", side_effect: reversible, confirm: 'Book {?'"), "connectors.x.confirm: a brace is open"),
    "two fallbacks": (
        plan(HTTP + ", fallback: {answer: Sorry, handoff: X}"),
        "connectors.x.fallback: a fallback is one thing, not answer and handoff",
    ),
    "fallback key": (
        plan(HTTP + ", fallback: {conector: y}", OTHER),
        "connectors.x.fallback.conector: this key is not",
    ),
    "fallback result": (
        plan(HTTP + ", fallback: {result: '[]'}"),
        "connectors.x.fallback.result: is not a JSON object",
    ),
    "fallback nobody": (
        plan(HTTP + ", fallback: {connector: z}", OTHER),
        "connectors.x.fallback.connector: the connector 'z' is not declared",
    ),
    "fallback hole": (
        plan(HTTP + ", fallback: {answer: 'Call {shop.phone}.'}"),
        "connectors.x.fallback.answer: {shop.phone}: the knowledge does not hold it",
    ),
    "fallback of a side effect": (
        plan(BOOK + ", fallback: {connector: y}", OTHER),
        "connectors.x.fallback.connector: what has a side effect might be done twice",
    ),
    "fallback circle": (
        plan(HTTP + ", fallback: {connector: y}", "  y: {" + HTTP + ", fallback: {connector: x}}\n"),
        "connectors.x.fallback.connector: the fallbacks lead round in a circle",
    ),
    "fallback with less": (
        plan(HTTP + ", fallback: {connector: y}", "  y: {entry: 'json:loads'}\n"),
        "connectors.x.fallback.connector: it has no parameter 'id'",
    ),
    "fallback with more": (
        plan("entry: 'json:loads', fallback: {connector: y}", OTHER),
        "connectors.x.fallback.connector: it needs the argument 'id', which this one does not always have",
    ),
    "lookup of nothing": (
        plan(HTTP, "lookups: {me: {connector: z}}\n"),
        "lookups.me.connector: the connector 'z' is not declared (there are x)",
    ),
    "lookup that writes": (
        plan(BOOK, "lookups: {me: {connector: x, arguments: {id: '{caller}'}}}\n"),
        "4:27: lookups.me.connector: nobody has agreed to a side effect as the call begins",
    ),
    "lookup hole": (
        plan(HTTP, "lookups: {me: {connector: x, arguments: {id: '{called}'}}}\n"),
        "lookups.me.arguments.id: {called}: only the caller's number is known as the call begins",
    ),
    "lookup arguments": (
        plan(HTTP, "lookups: {me: {connector: x, arguments: {od: a}}}\n"),
        "lookups.me.arguments.od: the connector 'x' has no parameter 'od'",
    ),
    "lookup without": (
        plan(HTTP, "lookups: {me: {connector: x}}\n"),
        "lookups.me.connector: the connector 'x' needs the",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_error_has_its_place_and_remedy(case: str, tmp_path: Path) -> None:
    text, expected = CASES[case]
    found = faults_of(tmp_path, text)
    assert any(fault.startswith(expected) if expected[0].isdigit() else expected in fault for fault in found), found


WHOLE = """\
version: 1
knowledge: {shop: {phone: five five five}}
connectors:
  orders:
    http:
      method: POST
      url: "${SHOP_URL}/orders/{id}"
      headers: {Authorization: "Bearer ${SHOP_TOKEN:-none}"}
      body: {id: "{id}", note: ["{note}"]}
      outcomes: {404: not_found}
      result: {outcome: status, eta: delivery.date}
    parameters: {id: {}, note: {required: false}}
    hard_ms: 500
    fallback: {connector: mirror}
  mirror:
    mcp: {url: "http://127.0.0.1:9/mcp", tool: orders}
    parameters: {id: {}, note: {required: false}}
    fallback: {answer: "Please call {shop.phone}."}
  book:
    mcp: {command: booker, args: [--live], tool: book}
    parameters: {id: {}}
    side_effect: irreversible
    confirm: "Book {id:digits}?"
    idempotent: true
    fallback: {handoff: CONNECTOR_DOWN}
    redact: [id]
lookups:
  customer: {connector: orders, arguments: {id: "{caller}"}}
"""


def test_a_whole_set_becomes_what_the_core_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "http://shop.test")
    file = tmp_path / "plan.yaml"
    file.write_text(WHOLE)
    policy, faults = load_dialplan(file)
    assert policy is not None, faults
    assert policy.call.connectors == (
        Connector("orders", hard_ms=500, soft_ms=500, fallback_connector="mirror"),
        Connector("mirror", fallback_answer="Please call five five five."),
        Connector("book", side_effect=SideEffect.IRREVERSIBLE, fallback_reason="CONNECTOR_DOWN"),
    )
    assert policy.call.lookups == (Lookup("customer", "orders", (("id", "{caller}"),)),)
    assert "Please call five five five." in policy.call.own_phrases
    assert "SHOP_TOKEN" in policy.to_json()
    assert policy.from_json(policy.to_json()).call == policy.call


def test_what_has_a_side_effect_is_not_repeated_unless_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(plan(BOOK))
    policy, faults = load_dialplan(file)
    assert policy is not None, faults
    (book,) = policy.call.connectors
    assert (book.idempotent, book.retries) == (False, 0)
