"""How Flink's Kafka connectors log in: properties of Kafka's Java client that name a file and never hold a password.

They stand in the SQL, so in the job graph and in what Flink's web interface shows. The client itself puts the file's
content in their place, where it runs (https://kafka.apache.org/41/configuration/configuration-providers/): Flink's
JobManager and TaskManagers must have the file on their own disks.
"""

from pathlib import Path

from backend.logins import KafkaLogin, wrong

_SHADED = "org.apache.flink.kafka.shaded.org.apache.kafka.common"
"""Where flink-sql-connector-kafka holds the classes of Kafka's client."""

_MODULES = {"PLAIN": "plain.PlainLoginModule"}
_SCRAM = "scram.ScramLoginModule"

Properties = tuple[tuple[str, str], ...]


def properties(login: KafkaLogin, *, password_file: Path | None, ca_file: Path | None) -> Properties:
    """The client's properties in order, none for plaintext; the files are where Flink's machines hold them.

    Raises InvalidInput where Flink could not read the password, or not as it is.
    """
    if login.protocol == "plaintext":
        return ()
    found = [("security.protocol", login.protocol.upper())]
    if login.has_user:
        found += _sasl(login, password_file)
    trusted = ca_file or (login.ca_file and login.ca_file.absolute())
    if login.protocol.endswith("ssl") and trusted is not None:
        found += [("ssl.truststore.type", "PEM"), ("ssl.truststore.location", str(trusted))]
    return tuple(found)


def _sasl(login: KafkaLogin, file: Path | None) -> Properties:
    if file is None:
        raise wrong("flink_kafka_password_file", "Flink takes the password from a file on its own machines: name it")
    if set(":}") & set(str(file)):
        raise wrong("flink_kafka_password_file", f"{file}: Kafka's client takes no path with : or }}")
    # The file's content comes to stand between quotes, as it is.
    if set('"\\') & set(login.password):
        raise wrong("kafka_password", "Flink takes none with a quote or a backslash: choose another")
    module = f"{_SHADED}.security.{_MODULES.get(login.mechanism, _SCRAM)}"
    secret = f"${{directory:{file.parent}:{file.name}}}"
    return (
        ("sasl.mechanism", login.mechanism),
        ("sasl.jaas.config", f'{module} required username="{login.user}" password="{secret}";'),
        ("config.providers", "directory"),
        ("config.providers.directory.class", f"{_SHADED}.config.provider.DirectoryConfigProvider"),
    )


def require_no_line_end(file: Path) -> None:
    """Raises InvalidInput where a line end follows the password in its file: Flink would take it for a part of it."""
    if file.read_bytes().endswith(b"\n"):
        advice = f"truncate --size=-1 {file}"
        raise wrong("kafka_password_file", f"{file} ends with a line end, which Flink would take too: {advice}")
