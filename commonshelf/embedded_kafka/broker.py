"""One embedded broker: its folder, its process, its log."""

import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from commonshelf.embedded_kafka.child_environment import child_environment
from commonshelf.embedded_kafka.class_archive import ClassArchive
from commonshelf.embedded_kafka.errors import BrokerFailedError, DataDirectoryError, DataDirectoryInUseError
from commonshelf.embedded_kafka.java import Java
from commonshelf.embedded_kafka.private_files import OTHERS, private_folder, private_opener, write_private
from commonshelf.embedded_kafka.server_config import (
    LOGGING_PROPERTIES,
    BrokerPorts,
    render,
    server_properties,
    with_password,
)

_FORMAT_TIMEOUT_S = 60
_FORMAT_HEAP_MB = 128
_KILL_TIMEOUT_S = 10
_STARTED = "Kafka Server started"
# Measured on 2 cores, one run each, with transactions of 4,000 records of 200 bytes: over the first million records
# the broker takes about half the processor time of the JVM's defaults, and less memory. Reading did not gain.
_JVM_FLAGS = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
_TROUBLE = re.compile(r"\b(?:ERROR|SEVERE|FATAL)\b|Exception\b|OutOfMemoryError|^Error")
_CAUSE = re.compile(r"^(?:Caused by: )?(?:[a-z_]\w*\.)+([A-Z]\w*(?:Exception|Error): .+)")


@dataclass(frozen=True)
class BrokerRuntime:
    """Java and the classes that run a broker. `heap_mb` is in MiB."""

    java: Java
    jars: list[Path]
    heap_mb: int
    archive: ClassArchive


class Broker:
    """A combined broker and controller with its files in `folder`."""

    def __init__(self, number: int, folder: Path, runtime: BrokerRuntime) -> None:
        self.number = number
        self.is_training = False
        """Whether this run writes the class archive when it stops, which takes some seconds."""
        self._folder = folder
        self._runtime = runtime
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self.log_path = folder / "server-0.log"  # Java's logging keeps one older file, server-1.log
        self._log_start = 0
        self._console_path = folder / "console.log"
        self._properties_path = folder / "server.properties"
        self._data = folder / "data"

    @property
    def pid(self) -> int | None:
        """The process id, None while it does not run."""
        return self._process.pid if self._process is not None and self.is_running() else None

    def is_running(self) -> bool:
        """Whether the process lives (a paused one does)."""
        if self._process is None:
            return False
        if self._process.poll() is None:
            return True
        self._forget()
        return False

    def configure(self, ports: list[BrokerPorts], advertised_proxy_port: int | None, password: str | None) -> None:
        """Write the broker's settings. With a password, nobody talks to it who does not know that."""
        try:
            private_folder(self._folder)
            properties = server_properties(self.number, ports, self._data, advertised_proxy_port)
            if password is not None:
                properties = with_password(properties, password)
            write_private(self._properties_path, render(properties))
            pattern = str(self._folder).replace("\\", "\\\\").replace("%", "%%") + "/server-%g.log"
            logging = LOGGING_PROPERTIES.format(log_pattern=pattern)
            write_private(self._folder / "logging.properties", logging)
        except OSError as error:
            raise DataDirectoryError(
                f"cannot write Kafka's settings in {self._folder} ({error.strerror}); "
                "check the folder's owner and rights, or name another data directory."
            ) from error

    def format_storage(self, cluster_id: str) -> None:
        """Give the storage its cluster id; storage that has this one already stays as it is.

        Raises DataDirectoryError when it is another cluster's or unreadable, BrokerFailedError when Kafka's
        own tool fails.
        """
        found = self._read_cluster_id()
        if found == cluster_id:
            return
        if found is not None:
            raise DataDirectoryError(
                f"{self._data} belongs to another Kafka cluster ({found}, not {cluster_id}); "
                "name another data directory, or move this one away."
            )
        archive_flags = self._runtime.archive.use_flags()
        command = self._command(_FORMAT_HEAP_MB, archive_flags, "kafka.tools.StorageTool")
        arguments = ["format", "--cluster-id", cluster_id, "--config", str(self._properties_path)]
        try:
            run = subprocess.run(
                [*command, *arguments],
                capture_output=True,
                text=True,
                timeout=_FORMAT_TIMEOUT_S,
                check=False,
                umask=OTHERS,
                env=child_environment(os.environ),
            )
        except subprocess.TimeoutExpired as error:
            raise BrokerFailedError(
                f"Kafka did not format its storage in {self._data} within {_FORMAT_TIMEOUT_S} s; "
                "free some processor time, or name a data directory on a faster disk."
            ) from error
        if run.returncode != 0:
            reason = _relevant_line((run.stdout + run.stderr).splitlines())
            raise BrokerFailedError(
                f"Kafka could not format its storage in {self._data}: {reason}; check that folder, "
                "or name another data directory."
            )

    def launch(self) -> None:
        """Start the process. It runs in its own session, so that Ctrl-C reaches only its parent."""
        archive = self._runtime.archive
        training_flags = archive.training_flags()
        self.is_training = bool(training_flags)
        command = self._command(self._runtime.heap_mb, training_flags or archive.use_flags(), "kafka.Kafka")
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self._console_path, "wb", opener=private_opener) as console:
            self._process = subprocess.Popen(
                [*command, str(self._properties_path)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self._folder,  # where the JVM would leave a crash report
                umask=OTHERS,
                env=child_environment(os.environ),
            )
        self._guard = _guard(self._process.pid)

    def send_signal(self, number: signal.Signals) -> None:
        """Send the process a signal; nothing happens when it has ended."""
        if self._process is not None and self.is_running():
            self._process.send_signal(number)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the process has ended; False when it is still there after `timeout_s`."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        self._forget()
        return True

    def failure_reason(self) -> str:
        """The line of the broker's output that says best why it failed."""
        return _relevant_line([*_lines(self._console_path, 0), *_lines(self.log_path, self._log_start)])

    def has_started(self) -> bool:
        """Whether the broker says, since its launch, that it is unfenced and serves."""
        return any(_STARTED in line for line in _lines(self.log_path, self._log_start))

    def kill_orphans(self, pids: list[int]) -> None:
        """End those of `pids` that are brokers on this folder: a killed parent may have left them behind."""
        for pid in pids:
            try:
                process = psutil.Process(pid)
                if str(self._properties_path) in process.cmdline():
                    process.kill()
                    process.wait(_KILL_TIMEOUT_S)
            except psutil.NoSuchProcess:
                continue
            except psutil.Error as error:
                raise DataDirectoryInUseError(
                    f"process {pid} may be a Kafka broker that was left behind on {self._folder} ({error}); "
                    "stop it and start again."
                ) from error

    def _forget(self) -> None:
        # The guard goes first: the system may give the broker's process id to another process.
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
        self._guard = None
        self._process = None
        if self.is_training:
            self._runtime.archive.training_ended()
            self.is_training = False

    def _read_cluster_id(self) -> str | None:
        path = self._data / "meta.properties"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise DataDirectoryError(
                f"cannot read {path} ({error}); check its owner and rights, or name another data directory."
            ) from error
        found = re.search(r"^cluster\.id=(\S+)", text, re.MULTILINE)
        if found is None:
            raise DataDirectoryError(
                f"{path} names no cluster, so the storage is damaged; restore it, or name another data directory."
            )
        return found.group(1)

    def _command(self, heap_mb: int, jvm_flags: list[str], main_class: str) -> list[str]:
        flags = [f"-Xmx{heap_mb}m", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]
        if self._runtime.java.major >= 24:  # Kafka and its codecs use calls that newer Javas warn about
            flags += ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
        return [
            str(self._runtime.java.executable),
            *flags,
            *_JVM_FLAGS,
            *jvm_flags,
            f"-Djava.util.logging.config.file={self._folder / 'logging.properties'}",
            "-Dlog4j2.statusLoggerLevel=OFF",  # its API must be on the class path; nothing logs to it
            "-cp",
            os.pathsep.join(map(str, self._runtime.jars)),
            main_class,
        ]


def _guard(pid: int) -> subprocess.Popen[bytes]:
    """A tiny process that kills `pid` when we end, however we end: its standard input then closes.

    PR_SET_PDEATHSIG would be shorter, but fires when the *thread* that started the broker ends.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _; kill -9 "$0" 2>/dev/null', str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=child_environment(os.environ),
    )


def _lines(path: Path, start: int) -> list[str]:
    """The lines of `path` from byte `start` on, or all of them when the file was begun anew meanwhile."""
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) >= start:
                file.seek(start)
            else:
                file.seek(0)
            return file.read().decode("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _relevant_line(lines: list[str]) -> str:
    """The innermost cause of the last trouble, else the last complaint, else the last line."""
    for position, line in enumerate(lines):
        if line.startswith("Error occurred during initialization of VM"):
            return " ".join(lines[position + 1 : position + 2]) or line  # the JVM says why on the next line
    for pattern in (_CAUSE, _TROUBLE):
        for line in reversed(lines):
            if found := pattern.search(line):
                return (found.group(1) if pattern is _CAUSE else line).strip().rstrip(".;")
    spoken = [line for line in lines if line.strip()]
    return spoken[-1].strip().rstrip(".;") if spoken else "it said nothing"
