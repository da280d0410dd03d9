"""Which SIP methods the bot takes, and answers to all the others (RFC 3261, 8.2.1).

pjsua accepts MESSAGE and SUBSCRIBE for applications that do something with them, leaves a REFER outside a dialog and
methods that it does not know without any answer, and answers OPTIONS in a dialog with 500. pjsua2 hands out no hook for
the first two, so two modules are registered with the library underneath it. They need no knowledge of its larger
structures: the method of a request comes from `pjsip_rx_data_get_info`, as text. All of it runs on the SIP thread.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Iterator
from typing import Final

import pjsua2 as pj

_LOG = logging.getLogger(__name__)

TAKEN: Final = ("INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "PRACK", "INFO", "NOTIFY", "OPTIONS")
"""What Allow says. A REFER is understood but always declined, so nobody is invited to send one."""

_UNDERSTOOD = frozenset({*TAKEN, "REFER"})
_IN_DIALOG_ONLY = frozenset({"BYE", "UPDATE", "PRACK", "INFO", "NOTIFY"})
_METHOD_NOT_ALLOWED, _NO_DIALOG, _DECLINE = 405, 481, 603

_AFTER_TRANSACTIONS = 24
"""Before the dialogs (32), which is before pjsua."""
_AFTER_DIALOGS = 56
"""After the dialogs and their usages (48), before pjsua (64)."""

_H_ALLOW = 4
"""`PJSIP_H_ALLOW`."""

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class _Text(ctypes.Structure):
    """`pj_str_t`."""

    _fields_ = (("ptr", ctypes.c_void_p), ("length", ctypes.c_ssize_t))

    def read(self) -> str:
        """The text itself."""
        return ctypes.string_at(self.ptr, self.length).decode()


class _Link(ctypes.Structure):
    """The head of every list of pjlib."""

    _fields_ = (("prev", ctypes.c_void_p), ("next", ctypes.c_void_p))


class _Module(ctypes.Structure):
    """`pjsip_module`."""

    _fields_ = (
        ("link", _Link),
        ("name", _Text),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("life", ctypes.c_void_p * 4),
        ("on_rx_request", _Callback),
        ("others", ctypes.c_void_p * 4),
    )


class _ArrayHeader(ctypes.Structure):
    """`pjsip_generic_array_hdr`."""

    _fields_ = (
        ("link", _Link),
        ("type", ctypes.c_int),
        ("name", _Text),
        ("short_name", _Text),
        ("vptr", ctypes.c_void_p),
        ("count", ctypes.c_uint),
        ("values", _Text * 32),
    )


def native() -> ctypes.CDLL:
    """The library underneath pjsua2, for what its wrapper lacks."""
    library = ctypes.CDLL(pj._pjsua2.__file__)  # noqa: SLF001 - the wrapper does not name it otherwise
    library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
    library.pjsip_rx_data_get_info.restype = ctypes.c_char_p
    library.pjsip_rx_data_get_info.argtypes = (ctypes.c_void_p,)
    library.pjsip_endpt_get_capability.restype = ctypes.POINTER(_ArrayHeader)
    library.pjsip_endpt_get_capability.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    library.pjsip_endpt_register_module.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    respond = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    library.pjsip_endpt_respond_stateless.argtypes = respond
    library.pjsip_tsx_get_dlg.restype = ctypes.c_void_p
    library.pjsip_tsx_get_dlg.argtypes = (ctypes.c_void_p,)
    library.pjsip_dlg_respond.argtypes = respond
    return library


class ModuleRefused(Exception):
    """The library does not let us take part. The message names the remedy."""


class Methods:
    """Answers what the library would not. Must be kept until the endpoint is destroyed, and not longer."""

    def __init__(self) -> None:
        """Prepare; `register` does the rest."""
        self._native = native()
        self._endpoint = 0
        self._allow = _ArrayHeader()
        self._headers = _Link()
        self._names: list[ctypes.Array[ctypes.c_char]] = []
        self._modules = tuple(self._made())

    def register(self) -> None:
        """Take part in the library, which must have been started. Raises ModuleRefused."""
        self._endpoint = self._native.pjsua_get_pjsip_endpt()
        self._tell_the_truth()
        register = self._native.pjsip_endpt_register_module
        if any(register(self._endpoint, ctypes.addressof(module)) for module in self._modules):
            raise ModuleRefused("this build of pjsip takes no modules: install the pjsua2 that constraints.txt names")

    def respond(self, transaction: int, request: int, code: int) -> None:
        """Answer a request in a dialog. Both are addresses, `pjTransaction` and `pjRxData`, within a callback."""
        dialog = self._native.pjsip_tsx_get_dlg(transaction)
        if dialog is not None:
            self._native.pjsip_dlg_respond(dialog, request, code, None, ctypes.addressof(self._headers), None)

    def _tell_the_truth(self) -> None:
        """Take out of Allow what the bot does nothing with, and keep a copy to add where the library adds none."""
        allow = self._native.pjsip_endpt_get_capability(self._endpoint, _H_ALLOW, None).contents
        kept = [value for value in allow.values[: allow.count] if value.read() in TAKEN]
        for index, value in enumerate(kept):
            allow.values[index] = _Text(value.ptr, value.length)
        allow.count = len(kept)
        ctypes.pointer(self._allow)[0] = allow
        own, head = ctypes.addressof(self._allow), ctypes.addressof(self._headers)
        self._headers.prev = self._headers.next = own
        self._allow.link.prev = self._allow.link.next = head

    def _made(self) -> Iterator[_Module]:
        for name, priority, judge in (
            ("voicebot-methods", _AFTER_TRANSACTIONS, _of_any),
            ("voicebot-strangers", _AFTER_DIALOGS, _outside_dialogs),
        ):
            text = ctypes.create_string_buffer(name.encode())
            self._names.append(text)
            module = _Module(name=_Text(ctypes.addressof(text), len(name)), id=-1, priority=priority)
            module.on_rx_request = _Callback(self._guarded(judge))
            yield module

    def _guarded(self, judge: Callable[[str], int]) -> Callable[[int], int]:
        def on_rx_request(request: int) -> int:
            try:
                # The text reads "Request msg REFER", a slash, and more.
                told = self._native.pjsip_rx_data_get_info(request).decode(errors="replace")
                code = judge(told.removeprefix("Request msg ").partition("/")[0])
                if code:
                    headers = ctypes.addressof(self._headers)
                    self._native.pjsip_endpt_respond_stateless(self._endpoint, request, code, None, headers, None)
            except Exception:  # noqa: BLE001 - a thread's root as far as Python goes
                _LOG.exception("SIP callback failed", extra={"callback": "on_rx_request"})
                return 0
            return int(code > 0)

        return on_rx_request


def _of_any(method: str) -> int:
    """Status for a request in a dialog or out of one; 0 to let it pass."""
    return 0 if method in _UNDERSTOOD else _METHOD_NOT_ALLOWED


def _outside_dialogs(method: str) -> int:
    """Status for a request that belongs to no dialog; 0 to let it pass."""
    if method == "REFER":
        return _DECLINE
    return _NO_DIALOG if method in _IN_DIALOG_ONLY else 0
