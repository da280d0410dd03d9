"""The tables of the store."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Constraints get names by rule, so that a migration can find them in any database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Policy(Base):
    """A resolved policy under its hash. Secrets in it are references."""

    __tablename__ = "policies"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    resolved: Mapped[str] = mapped_column(Text)
    """Canonical JSON, byte for byte what was hashed."""


class Call(Base):
    """A call; see `voicebot.store.records.CallRecord`."""

    __tablename__ = "calls"
    __table_args__ = (Index(None, "started_ms"), Index(None, "caller"))

    id: Mapped[str] = mapped_column(primary_key=True)
    sip_call_id: Mapped[str]
    tenant: Mapped[str]
    caller: Mapped[str]
    called: Mapped[str]
    started_at: Mapped[str]
    started_ms: Mapped[int] = mapped_column(BigInteger)
    """`started_at` as ms since 1970, to sort by."""
    answered_at: Mapped[str | None]
    ended_at: Mapped[str | None]
    duration_ms: Mapped[int]
    disposition: Mapped[str]
    reason_code: Mapped[str]
    policy_hash: Mapped[str]
    turns: Mapped[int]
    journal: Mapped[str]
    replayable: Mapped[bool]
    interrupted: Mapped[bool]
    recording: Mapped[str]


class Turn(Base):
    """A turn of a call; see `voicebot.store.records.TurnRecord`."""

    __tablename__ = "turns"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    caller_text: Mapped[str] = mapped_column(Text)
    bot_text: Mapped[str] = mapped_column(Text)
    layer: Mapped[str]
    last_voiced_ms: Mapped[int]
    endpointing_ms: Mapped[int]
    asr_ms: Mapped[int]
    brain_ms: Mapped[int]
    tts_ms: Mapped[int]
    playout_ms: Mapped[int]
    silence_ms: Mapped[int | None]
    barge_in: Mapped[bool]
    barge_in_stop_ms: Mapped[int | None]
    gaps_ms: Mapped[list[int]] = mapped_column(JSON)


class ConnectorCall(Base):
    """An attempt of a connector call; see `voicebot.store.records.AuditRecord`. Its call may be written later."""

    __tablename__ = "connector_calls"
    __table_args__ = (Index(None, "call_id"), Index(None, "key"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    call_id: Mapped[str]
    turn: Mapped[int]
    connector: Mapped[str]
    key: Mapped[str]
    at_ms: Mapped[int]
    arguments: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str]
    took_ms: Mapped[int]
    side_effect: Mapped[str]
