"""Options of a Kafka client, with the secrets read where settings say they are. Never log what this returns."""

import os
from collections.abc import Mapping
from pathlib import Path

from commonshelf.config.settings import Database, Kafka
from commonshelf.config.sources import SettingsError


def kafka_options(kafka: Kafka, env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Options by which librdkafka reaches the cluster, bootstrap.servers among them.

    Raises SettingsError when a secret is missing, ValueError for an embedded Kafka that has no address yet.
    """
    if kafka.bootstrap_servers is None:
        raise ValueError("the embedded Kafka has no address before it is started")
    return {"bootstrap.servers": kafka.bootstrap_servers} | security_options(kafka, env)


def security_options(kafka: Kafka, env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """As `kafka_options`, without the address. Raises SettingsError when a secret is missing."""
    options: dict[str, str] = {"security.protocol": kafka.security_protocol}
    if kafka.sasl_mechanism and kafka.sasl_username:
        options["sasl.mechanism"] = kafka.sasl_mechanism
        options["sasl.username"] = kafka.sasl_username
        options["sasl.password"] = _sasl_password(kafka, env)
    files = {
        "ssl.ca.location": kafka.ca_file,
        "ssl.certificate.location": kafka.client_certificate_file,
        "ssl.key.location": kafka.client_key_file,
    }
    return options | {option: str(path) for option, path in files.items() if path}


def secret_origin(env_name: str | None, file: Path | None, env: Mapping[str, str]) -> tuple[bool, str]:
    """Whether a secret is there, and where it comes from or is looked for."""
    if file is not None:
        return _readable(file), f"file {file}"
    return bool(env.get(env_name or "")), f"environment variable {env_name}"


def database_password(section: str, database: Database, env: Mapping[str, str] = os.environ) -> str | None:
    """Of the database in that section; None for one that asks for none. Raises SettingsError for an unreadable file."""
    if database.password_file is None:
        return env.get(database.password_env)
    return _read_secret(f"{section}.password_file", database.password_file)


def _sasl_password(kafka: Kafka, env: Mapping[str, str]) -> str:
    if kafka.sasl_password_file is None:
        password = env.get(kafka.sasl_password_env)
        if not password:
            raise SettingsError(
                f"Kafka's password is missing: set the environment variable {kafka.sasl_password_env}, "
                "or name a file in kafka.sasl_password_file"
            )
        return password
    return _read_secret("kafka.sasl_password_file", kafka.sasl_password_file)


def _read_secret(setting: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{setting} {file} cannot be read ({error}); check it") from None


def _readable(file: Path) -> bool:
    return file.is_file() and os.access(file, os.R_OK)
