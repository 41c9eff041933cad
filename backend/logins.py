"""How Kafka and MongoDB are entered: what the settings say of a login, checked, the password read from its file.

A password is in the environment or in a file of its own and goes nowhere but to the client that logs in.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from backend.domain.errors import InvalidInput, Violation

MOST_BYTES = 4_096
"""More than any password; a file that is larger is another file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaLogin:
    """How Kafka is entered; `user`, `password` and `mechanism` are "" where the protocol knows no users.

    `ca_file` is the PEM file that brokers' certificates are signed by; None: what the machine trusts.
    """

    protocol: str = "plaintext"
    mechanism: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None

    @property
    def has_user(self) -> bool:
        """Whether somebody logs in, by SASL."""
        return self.protocol.startswith("sasl_")


def kafka(*, protocol: str, mechanism: str, user: str, password: str, ca_file: Path | None) -> KafkaLogin:
    """The login as far as the protocol has one. Raises InvalidInput, naming the setting that is missing or too much."""
    if not protocol.startswith("sasl_"):
        if user:  # whoever gives a login means it to be used
            raise wrong("kafka_security_protocol", f"is {protocol}, without users: take sasl_ssl or sasl_plaintext")
        mechanism = password = ""
    elif not user:
        raise wrong("kafka_user", f"is needed with kafka_security_protocol {protocol}")
    elif not password:
        raise wrong("kafka_password_file", "is needed with kafka_user (or SEGUE_KAFKA_PASSWORD)")
    if protocol not in ("ssl", "sasl_ssl"):
        ca_file = None
    elif ca_file is not None and not ca_file.is_file():
        raise wrong("kafka_ca_file", f"{ca_file} is no file: give the PEM file that signs the brokers' certificates")
    return KafkaLogin(protocol=protocol, mechanism=mechanism, user=user, password=password, ca_file=ca_file)


def store_password(url: str, password: str) -> str:
    """The password of the user that the store's URL names, "" where none is given. Raises InvalidInput."""
    if not password:
        return ""
    if has_login(url) and ":" not in _user_info(url):
        return password
    text = "names a user and no password, as mongodb://USER@host:port, where store_password_file holds it"
    raise wrong("store_url", f"must be a URL that {text}")


def has_login(url: str) -> bool:
    """Whether a URL names a user."""
    return bool(_user_info(url))


def without_logins(text: str) -> str:
    """The text, the users and passwords of the addresses in it left out."""
    return re.sub(r"//[^/\s@]*@", "//…@", text)


def _user_info(url: str) -> str:
    # By hand: urlsplit raises for some addresses, and what is wrong with one the driver says better.
    return url.partition("://")[2].partition("/")[0].rpartition("@")[0]


def password(setting: str, given: SecretStr | None, file: Path | None) -> str:
    """The password of setting `setting` or of the file that its sibling names; "" where neither is given.

    A line end after it is none of it. Raises InvalidInput, which never tells what was read.
    """
    sibling, found, source = f"{setting}_file", given.get_secret_value() if given is not None else "", setting
    if found and file is not None:
        raise wrong(setting, f"give it or {sibling}, not both")
    if file is not None:
        found, source = _content(sibling, file), sibling
        if not found:
            raise wrong(sibling, f"{file} is empty: write the password into it")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in found):
        raise wrong(source, "must be one line without control characters")
    return found


def _content(setting: str, file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise wrong(setting, f"{file} has more than {MOST_BYTES:,} bytes: it must hold the password alone")
        return content.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise wrong(setting, f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise wrong(setting, f"{file} is no text") from None  # the cause quotes what it could not decode


def wrong(setting: str, text: str) -> InvalidInput:
    """What is said of a setting."""
    return InvalidInput([Violation(setting, text)])
