"""Changing what Kafka keeps of topics' configuration."""

from collections.abc import Mapping

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

TIMEOUT_SECONDS = 15


def alter(admin: AdminClient, wanted: Mapping[str, Mapping[str, str | None]]) -> None:
    """Set what is wanted of each topic, by full name; None goes back to the broker's default, all else stays.

    Raises KafkaException.
    """
    resources = [
        ConfigResource(
            ResourceType.TOPIC, name, incremental_configs=[_entry(key, value) for key, value in settings.items()]
        )
        for name, settings in wanted.items()
    ]
    if resources:
        for done in admin.incremental_alter_configs(resources, request_timeout=TIMEOUT_SECONDS).values():
            done.result()


def _entry(key: str, value: str | None) -> ConfigEntry:
    operation = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
    return ConfigEntry(key, value, incremental_operation=operation)
