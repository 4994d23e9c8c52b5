"""What security products say they did (``blocked``, ``Accept``, ``drop session`` ...) → allowed, denied or neither."""

_DENYING = """
    ban banned block blocked block_period cleaned clear_session
    delete deleted denied deny discard discarded disinfected drop drop_session dropped erase erase_redirect_or_block
    forbid forbidden prevent prevented quarantine quarantined redirect refuse refused reject rejected reset
    reset_both reset_client reset_server server_rst_blocked sinkhole terminate terminated violation alert_deny deny_no_log
"""
_ALLOWING = """
    accept accepted access_allowed allow allowed alert analytics authorize authorized bypass bypassed client_rst close
    detect detected dns encrypt decrypt exempt exempted forward forwarded ip_conn key_install log log_only monitor
    monitored nat open pass pass_session passed passthrough permit permitted server_rst start tagged timeout trusted warn warned
"""
_DENIED, _ALLOWED = frozenset(_DENYING.split()), frozenset(_ALLOWING.split())


def verdict(text: str) -> str:
    """``allowed``, ``denied`` or ``""``: the word is of neither kind."""
    word = text.strip().lower().replace(" ", "_").replace("-", "_")
    return "denied" if word in _DENIED else "allowed" if word in _ALLOWED else ""


OUTCOMES = {"allowed": "success", "denied": "failure"}

_SUCCEEDED = "success succeeded successful ok accepted passed allowed permitted granted /success logon"
_WENT_WRONG = """
    failure failed fail error denied rejected blocked unsuccessful /failure invalid timeout timed_out login_failed
"""
_SUCCESS, _FAILURE = frozenset(_SUCCEEDED.split()), frozenset(_WENT_WRONG.split())


def outcome(text: str) -> str | None:
    """``success`` or ``failure``, where a product's status word says so."""
    word = text.strip().lower().replace(" ", "_")
    return "success" if word in _SUCCESS else "failure" if word in _FAILURE else None
