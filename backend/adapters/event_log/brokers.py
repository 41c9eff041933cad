"""Kafka's brokers as librdkafka's clients reach them: addresses, the login, and why brokers turned a client away."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from backend.logins import KafkaLogin

_log = logging.getLogger(__name__)

FRESH_SECONDS = 60.0
"""How long a refusal explains what fails after it; librdkafka is refused anew every ten seconds at the latest."""

_LOGIN = "see kafka_user, kafka_password_file (SEGUE_KAFKA_PASSWORD) and kafka_sasl_mechanism"
_TLS = "see kafka_security_protocol and kafka_ca_file"


class Brokers:
    """The brokers at `servers`, entered with `login`; what every client of them is made with.

    librdkafka tells a refused login beside the call that fails, which itself says no more than that nobody answered:
    `because` puts the two together. Thread-safe.
    """

    def __init__(self, servers: str, login: KafkaLogin | None = None) -> None:
        self.servers = servers
        self._login = login or KafkaLogin()
        self._refusal = ""
        self._refused_at = 0.0
        self._admin: AdminClient | None = None
        self._making = threading.Lock()

    def client(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration of a client: addresses, the login, and what is its own."""
        login = self._login
        settings: dict[str, Any] = {"bootstrap.servers": self.servers, "error_cb": self.note, "logger": _log}
        # Nothing more where nobody logs in: what librdkafka does by itself is then what it always did.
        if login.protocol != "plaintext":
            settings["security.protocol"] = login.protocol
        if login.has_user:
            settings |= {
                "sasl.mechanism": login.mechanism,
                "sasl.username": login.user,
                "sasl.password": login.password,
                # A wrong one is tried again for ever: every tenth of a second, and told as often, were it not for this.
                "reconnect.backoff.ms": 1_000,
            }
        if login.ca_file is not None:
            settings["ssl.ca.location"] = str(login.ca_file)
        return settings | dict(own)

    def admin(self) -> AdminClient:
        """The client that asks and changes what is not records: one until `close`, as librdkafka wants it.

        One for each question was a connection and threads each time, and was given up in whatever thread collected it,
        librdkafka's own among them (confluent-kafka-python's pull requests 2129 and 2131 tell of crashes there).
        """
        with self._making:
            if self._admin is None:
                self._admin = AdminClient(self.client({}))
            self._admin.poll(0)  # what it had to tell since it was asked last
            return self._admin

    def close(self) -> None:
        """Give the client up, in this thread; the next question makes another."""
        with self._making:
            self._admin = None

    def note(self, error: KafkaError) -> None:
        """Keep what librdkafka tells of a client, where it says that brokers turned it away: its `error_cb`."""
        text = error.str()
        if error.code() == KafkaError._AUTHENTICATION:
            self._refuse(f"{text}; {_LOGIN}")
        elif error.code() == KafkaError._SSL or "SSL handshake" in text:
            self._refuse(f"{text}; {_TLS}")

    def because(
        self, error: KafkaException | KafkaError, client: AdminClient | Producer | Consumer | None = None
    ) -> str:
        """What went wrong, and why where brokers turned clients away; `client` has not been polled since."""
        if client is not None:
            client.poll(0)  # librdkafka tells only who asks
        is_fresh = time.monotonic() < self._refused_at + FRESH_SECONDS
        return f"{error}: {self._refusal}" if self._refusal and is_fresh else str(error)

    def _refuse(self, text: str) -> None:
        self._refusal, self._refused_at = text, time.monotonic()
