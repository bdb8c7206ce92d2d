"""`setup` makes the topics, then publishes the settings; it is for a Kafka that is there already."""

from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.config import publishing
from messaging import topic_admin

SETTINGS = """
partitions = 6
[kafka]
bootstrap_servers = "kafka.example.org:9092"
replicas = 2
[[pools]]
id = "riverside"
name = "Riverside"
"""


def run(tmp_path, monkeypatch, text):
    asked = []
    monkeypatch.setattr(
        topic_admin,
        "ensure_topics",
        lambda options, partitions, *, replicas: (
            asked.append((options["bootstrap.servers"], partitions, replicas)) or []
        ),
    )
    monkeypatch.setattr(
        publishing, "publish_settings", lambda _, partitions, records: asked.append((partitions, len(records))) or 1
    )
    file = tmp_path / "commonshelf.toml"
    file.write_text(text)
    return CliRunner().invoke(app, ["setup", "--config", str(file)]), asked


def test_topics_come_before_the_settings(tmp_path, monkeypatch):
    told, asked = run(tmp_path, monkeypatch, SETTINGS)
    assert (told.exit_code, told.stdout) == (0, "published 1 new setting\n")
    assert asked == [("kafka.example.org:9092", 6, 2), (6, 1)]


def test_an_embedded_kafka_is_up_s_to_start(tmp_path, monkeypatch):
    told, asked = run(tmp_path, monkeypatch, "")
    assert (told.exit_code, asked) == (1, [])
    assert "setup is for an existing Kafka: name it in kafka.bootstrap_servers, or run `./shelf up`" in told.stderr
