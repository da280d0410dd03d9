"""The part of pjsua2 that voicebot.sip uses, with the wrapper's own names."""

# ruff: noqa: N802, N815, PYI021, D, FBT001 - the names are the library's

from collections.abc import Iterator
from types import ModuleType
from typing import SupportsInt

_pjsua2: ModuleType

PJMEDIA_FORMAT_PCM: int
PJMEDIA_FRAME_TYPE_AUDIO: int
PJMEDIA_TYPE_AUDIO: int
PJSIP_EVENT_RX_MSG: int
PJSIP_EVENT_TSX_STATE: int
PJSIP_INV_STATE_CONFIRMED: int
PJSIP_INV_STATE_DISCONNECTED: int
PJSIP_ROLE_UAC: int
PJSIP_ROLE_UAS: int
PJSIP_SC_DECLINE: int
PJSIP_SC_NOT_ACCEPTABLE_HERE: int
PJSIP_SC_MULTIPLE_CHOICES: int
PJSIP_SC_OK: int
PJSIP_SC_PROGRESS: int
PJSIP_SC_RINGING: int
PJSIP_SC_SERVICE_UNAVAILABLE: int
PJSIP_TRANSPORT_TCP: int
PJSIP_TRANSPORT_UDP: int
PJSIP_TSX_STATE_COMPLETED: int
PJSIP_TSX_STATE_TERMINATED: int
PJSIP_TSX_STATE_TRYING: int
PJSUA_CALL_MEDIA_ACTIVE: int
PJSUA_CALL_MEDIA_REMOTE_HOLD: int
PJSUA_SIP_TIMER_INACTIVE: int
PJSUA_SIP_TIMER_OPTIONAL: int

class Error(Exception):
    status: int
    title: str
    reason: str

class ByteVector:
    this: SupportsInt
    def __init__(self, size: int, value: int) -> None: ...

class LogConfig:
    level: int
    consoleLevel: int
    filename: str

class UaConfig:
    threadCnt: int
    mainThreadOnly: bool
    maxCalls: int
    userAgent: str

class MediaConfig:
    clockRate: int
    sndClockRate: int
    noVad: bool
    ecTailLen: int
    sndAutoCloseTime: int

class EpConfig:
    logConfig: LogConfig
    uaConfig: UaConfig
    medConfig: MediaConfig

class TransportConfig:
    port: int
    portRange: int
    publicAddress: str
    boundAddress: str

class CodecInfo:
    codecId: str

class AudDevManager:
    def setNullDev(self) -> None: ...
    def setNoDev(self) -> object: ...

class Endpoint:
    def libCreate(self) -> None: ...
    def libInit(self, config: EpConfig) -> None: ...
    def libStart(self) -> None: ...
    def libDestroy(self, flags: int = 0) -> None: ...
    def libHandleEvents(self, timeout_ms: int) -> int: ...
    def transportCreate(self, kind: int, config: TransportConfig) -> int: ...
    def codecEnum2(self) -> Iterator[CodecInfo]: ...
    def codecSetPriority(self, codec_id: str, priority: int) -> None: ...
    def audDevManager(self) -> AudDevManager: ...

class AuthCredInfo:
    def __init__(self, scheme: str, realm: str, username: str, data_type: int, data: str) -> None: ...

class _AuthCredInfoVector:
    def append(self, value: AuthCredInfo) -> None: ...

class AccountRegConfig:
    registrarUri: str
    timeoutSec: int
    delayBeforeRefreshSec: int
    retryIntervalSec: int
    firstRetryIntervalSec: int
    randomRetryIntervalSec: int
    dropCallsOnFail: bool

class AccountSipConfig:
    authCreds: _AuthCredInfoVector

class AccountCallConfig:
    timerUse: int
    timerSessExpiresSec: int

class AccountMediaConfig:
    transportConfig: TransportConfig

class AccountConfig:
    idUri: str
    regConfig: AccountRegConfig
    sipConfig: AccountSipConfig
    callConfig: AccountCallConfig
    mediaConfig: AccountMediaConfig

class SipRxData:
    pjRxData: SupportsInt
    wholeMsg: str
    srcAddress: str

class OnIncomingCallParam:
    callId: int
    rdata: SipRxData

class OnRegStateParam:
    status: int
    code: int
    reason: str
    expiration: int

class Account:
    def create(self, config: AccountConfig, make_default: bool = False) -> None: ...
    def shutdown(self) -> None: ...
    def onIncomingCall(self, prm: OnIncomingCallParam) -> None: ...
    def onRegState(self, prm: OnRegStateParam) -> None: ...

class SipHeader:
    hName: str
    hValue: str

class _SipHeaderVector:
    def append(self, value: SipHeader) -> None: ...

class SipTxOption:
    headers: _SipHeaderVector

class CallOpParam:
    statusCode: int
    reason: str
    txOption: SipTxOption
    def __init__(self, use_default_call_setting: bool = False) -> None: ...

class CallMediaInfo:
    index: int
    type: int
    status: int

class CallInfo:
    state: int
    lastStatusCode: int
    media: list[CallMediaInfo]

class StreamInfo:
    codecName: str
    remoteRtpAddress: str

class MediaTransportInfo:
    localRtpName: str
    srcRtpName: str

class RtcpStreamStat:
    pkt: int

class RtcpStat:
    rxStat: RtcpStreamStat

class StreamStat:
    rtcp: RtcpStat

class SipTransaction:
    pjTransaction: SupportsInt
    role: int
    method: str
    statusCode: int
    state: int

class TsxStateEventSrc:
    rdata: SipRxData

class TsxStateEvent:
    src: TsxStateEventSrc
    tsx: SipTransaction
    type: int

class SipEventBody:
    tsxState: TsxStateEvent

class SipEvent:
    type: int
    body: SipEventBody

class OnCallStateParam:
    e: SipEvent

class OnCallMediaStateParam: ...

class OnCallTsxStateParam:
    e: SipEvent

class SdpSession:
    wholeSdp: str

class OnCallRxOfferParam:
    offer: SdpSession
    statusCode: int

class CallSendRequestParam:
    method: str

class OnDtmfDigitParam:
    method: int
    digit: str

class OnCallTransferStatusParam:
    statusCode: int
    finalNotify: bool
    cont: bool

class OnCallTransferRequestParam:
    statusCode: int

class OnCallReplaceRequestParam:
    statusCode: int

class MediaFormatAudio:
    def init(self, format_id: int, clock_rate: int, channels: int, frame_us: int, bits: int) -> None: ...

class MediaFrame:
    type: int
    size: int
    buf: ByteVector

class AudioMedia:
    def startTransmit(self, sink: AudioMedia) -> None: ...
    def stopTransmit(self, sink: AudioMedia) -> None: ...

class AudioMediaPort(AudioMedia):
    def createPort(self, name: str, layout: MediaFormatAudio) -> None: ...
    def onFrameReceived(self, frame: MediaFrame) -> None: ...
    def onFrameRequested(self, frame: MediaFrame) -> None: ...

class Call:
    def __init__(self, account: Account, call_id: int = -1) -> None: ...
    def getInfo(self) -> CallInfo: ...
    def answer(self, prm: CallOpParam) -> None: ...
    def hangup(self, prm: CallOpParam) -> None: ...
    def xfer(self, destination: str, prm: CallOpParam) -> None: ...
    def sendRequest(self, prm: CallSendRequestParam) -> None: ...
    def getAudioMedia(self, index: int) -> AudioMedia: ...
    def getStreamInfo(self, index: int) -> StreamInfo: ...
    def getStreamStat(self, index: int) -> StreamStat: ...
    def getMedTransportInfo(self, index: int) -> MediaTransportInfo: ...
    def onCallState(self, prm: OnCallStateParam) -> None: ...
    def onCallMediaState(self, prm: OnCallMediaStateParam) -> None: ...
    def onCallRxOffer(self, prm: OnCallRxOfferParam) -> None: ...
    def onDtmfDigit(self, prm: OnDtmfDigitParam) -> None: ...
    def onCallTsxState(self, prm: OnCallTsxStateParam) -> None: ...
    def onCallTransferStatus(self, prm: OnCallTransferStatusParam) -> None: ...
    def onCallTransferRequest(self, prm: OnCallTransferRequestParam) -> None: ...
    def onCallReplaceRequest(self, prm: OnCallReplaceRequestParam) -> None: ...
