"""`voicebot call SIP-URI [--say TEXT | --wav FILE | --dtmf DIGITS]...`: a call by script, from the command line."""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from voicebot.testing.phone import Phone, ReferPolicy
from voicebot.testing.phone.message import Address, MalformedMessage, SipUri
from voicebot.testing.phone.rtp import KEYS
from voicebot.testing.scripted_caller import HangUp, Press, Say, ScriptedCaller, Step, WaitForBot, Words, summary
from voicebot.testing.speech import UnusableWav, read_wav, to_line_rate

_OK, _NOT_ANSWERED, _USAGE = 0, 1, 2


class UnusableStep(ValueError):
    """An option of the script cannot be carried out. The message names it and the remedy."""


class NoWay(ValueError):
    """The target cannot be reached. The message names the reason and the remedy."""


class _AppendStep(argparse.Action):
    """Collects (option, value) in the order of the command line, across the three options."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  the base class sets the signature
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        namespace.steps = [*namespace.steps, (self.metavar, str(values))]


def add_call_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `voicebot call`."""
    parser.add_argument("target", metavar="SIP-URI", help="whom to call, such as sip:100@127.0.0.1:5060")
    parser.set_defaults(steps=[])
    for option, metavar, text in (
        ("--say", "TEXT", "say a text (rendered by Piper, the bot's own synthesiser), then listen"),
        ("--wav", "FILE", "play a 16-bit WAV, then listen"),
        ("--dtmf", "DIGITS", "press keys (RFC 4733), then listen"),
    ):
        parser.add_argument(option, metavar=metavar, action=_AppendStep, dest="steps", help=f"{text}; may be repeated")
    parser.add_argument("--save", metavar="FILE", type=Path, help="write the call as a WAV: caller left, bot right")
    parser.add_argument(
        "--wait", metavar="MS", type=int, default=8000, help="how long to wait for the bot's first word (%(default)s)"
    )
    parser.add_argument(
        "--local-ip", default="", metavar="IP", help="the address to call from (the one that reaches the target)"
    )
    parser.add_argument(
        "--refer", choices=list(ReferPolicy), default=ReferPolicy.FOLLOW, help="when asked to go elsewhere"
    )


def call_command(args: argparse.Namespace) -> int:
    """Place the call and print it. Returns 0 when it was answered, 1 when not, 2 for a script that cannot be run."""
    try:
        target = SipUri.parse(args.target)
        local_ip = _local_address(args.local_ip, target.address)
        steps = _script(args.steps, args.wait)
    except MalformedMessage:
        return _usage(f"{args.target}: not a SIP URI; write sip:USER@HOST:PORT")
    except (UnusableStep, NoWay) as unusable:
        return _usage(str(unusable))
    transport = "tcp" if target.over_tcp else "udp"
    try:
        phone = Phone(local_ip, transport=transport, refer_policy=ReferPolicy(args.refer))
    except OSError as error:
        return _usage(f"--local-ip {local_ip}: {error.strerror}; name an address of this machine")
    with phone:
        conversation = ScriptedCaller(phone, _tell).call(args.target, steps)
    if not conversation.answered:
        return _NOT_ANSWERED
    for line in summary(conversation):
        _tell(line)
    if args.save is not None:
        try:
            phone.recording.save(args.save)
        except OSError as error:
            return _usage(f"--save {args.save}: {error.strerror}")
        _tell(f"saved {args.save}")
    return _OK


def _local_address(wanted: str, target: Address) -> str:
    """Return the address that packets to `target` leave from; `wanted` unless empty. Nothing is sent. Raises NoWay."""
    try:
        known = socket.getaddrinfo(*target, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise NoWay(f"{target.host}: {error.strerror}; is the name right?") from error
    family, _, _, _, address = min(known, key=lambda found: found[0] is not socket.AF_INET)
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        if wanted:
            try:
                probe.bind((wanted, 0))
            except OSError as error:
                reason = error.strerror or error
                raise NoWay(f"--local-ip {wanted}: {reason}; name an address of this machine") from error
        try:
            probe.connect(address)
        except OSError as error:
            remedy = "leave --local-ip out" if wanted else "is the address right, and the network up?"
            origin = f" from {wanted}" if wanted else ""
            raise NoWay(f"no way to {target.host}:{target.port}{origin}: {error.strerror}; {remedy}") from error
        return str(probe.getsockname()[0])


def _script(options: Sequence[tuple[str, str]], wait_ms: int) -> list[Step]:
    steps: list[Step] = [WaitForBot(timeout_ms=wait_ms)]
    for option, value in options:
        if option == "DIGITS":
            if not value or any(key not in KEYS for key in value):
                raise UnusableStep(f"--dtmf {value}: keys are among {KEYS}")
            steps.append(Press(value))
        else:
            steps.append(Say(_rendered(value) if option == "TEXT" else _recorded(Path(value))))
        steps.append(WaitForBot(timeout_ms=wait_ms))
    return [*steps, HangUp()]


def _recorded(path: Path) -> Words:
    try:
        return Words(f"({path.name})", read_wav(path))
    except OSError as error:
        raise UnusableStep(f"--wav {path}: {error.strerror}") from error
    except UnusableWav as error:
        raise UnusableStep(f"--wav {error}; give a WAV of 16-bit samples") from error


def _rendered(text: str) -> Words:
    # Only --say needs a model and the libraries that run it.
    from voicebot.tts.piper import PiperTts  # noqa: PLC0415
    from voicebot.tts.protocol import SpeakingFailed  # noqa: PLC0415

    _tell(f"rendering with Piper: {text}")
    engine = PiperTts()
    try:
        engine.warm_up()
        chunks = list(engine.open(text).chunks())
    except SpeakingFailed as failed:
        raise UnusableStep(f"--say {text}: {failed}; use --wav FILE instead") from failed
    finally:
        engine.close()
    if not chunks:
        raise UnusableStep(f"--say {text}: there is nothing to say; give words")
    return Words(text, to_line_rate(np.concatenate(chunks), engine.rate))


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _usage(message: str) -> int:
    sys.stderr.write(f"voicebot call: {message}\n")
    return _USAGE
