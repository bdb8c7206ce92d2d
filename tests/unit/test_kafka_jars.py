"""Fetching the pinned jars, against a Maven repository on loopback."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from commonshelf.embedded_kafka.errors import JarDownloadError
from commonshelf.embedded_kafka.jars import Jar, cache_dir, fetch_jars, read_lock

CONTENT = {f"part{i}": bytes([i]) * (50_000 + i) for i in range(6)}


def jar(artifact, content=None, version="1.0"):
    content = CONTENT[artifact] if content is None else content
    return Jar("org.example", artifact, version, hashlib.sha256(content).hexdigest(), len(content))


ALL = [jar(artifact) for artifact in CONTENT]


class Repository:
    """A Maven repository that can break off transfers (`cut_after`), and counts and remembers its requests."""

    def __init__(self):
        self.files = {f"/{jar(a).maven_path}": content for a, content in CONTENT.items()}
        self.cut_after = {}
        self.busy_answers = 0
        self.requests = []
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                repository.answer(self)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, handler):
        asked = handler.headers.get("Range")
        self.requests.append((handler.path, asked))
        if self.busy_answers:
            self.busy_answers -= 1
            return handler.send_error(503)
        if handler.path not in self.files:
            return handler.send_error(404)
        content = self.files[handler.path]
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        handler.send_response(206 if asked else 200)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        end = self.cut_after.pop(handler.path, len(content))
        handler.wfile.write(content[start:end])
        return None


@pytest.fixture
def repository():
    repository = Repository()
    thread = threading.Thread(target=repository.server.serve_forever)
    thread.start()
    yield repository
    repository.server.shutdown()
    thread.join()
    repository.server.server_close()


def test_jars_are_fetched_into_the_cache_in_class_path_order(repository, tmp_path):
    paths = fetch_jars(ALL, tmp_path, repository.url)
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert [path.name for path in paths] == [f"{artifact}-1.0.jar" for artifact in CONTENT]


def test_present_jars_are_not_fetched_again(repository, tmp_path):
    fetch_jars(ALL, tmp_path, repository.url)
    repository.requests.clear()
    fetch_jars(ALL, tmp_path, repository.url)
    assert repository.requests == []


def test_a_jar_that_changed_in_the_cache_is_fetched_again(repository, tmp_path):
    first, *_ = fetch_jars(ALL, tmp_path, repository.url)
    first.write_bytes(b"x" * first.stat().st_size)
    fetch_jars(ALL, tmp_path, repository.url)
    assert first.read_bytes() == CONTENT["part0"]


def test_a_transfer_that_breaks_off_goes_on_from_there(repository, tmp_path):
    path = f"/{ALL[0].maven_path}"
    repository.cut_after[path] = 20_000
    (fetched,) = fetch_jars(ALL[:1], tmp_path, repository.url)
    assert fetched.read_bytes() == CONTENT["part0"]
    assert repository.requests == [(path, None), (path, "bytes=20000-")]


def test_a_part_from_an_earlier_process_is_completed(repository, tmp_path):
    folder = tmp_path / "kafka-jars"
    folder.mkdir()
    (folder / "part1-1.0.jar.part").write_bytes(CONTENT["part1"][:30_000])
    (fetched,) = fetch_jars(ALL[1:2], tmp_path, repository.url)
    assert fetched.read_bytes() == CONTENT["part1"]
    assert repository.requests == [(f"/{ALL[1].maven_path}", "bytes=30000-")]
    assert list(folder.glob("*.part")) == []


def test_a_busy_server_is_asked_again(repository, tmp_path):
    repository.busy_answers = 2
    (fetched,) = fetch_jars(ALL[:1], tmp_path, repository.url)
    assert fetched.read_bytes() == CONTENT["part0"]


def test_wrong_content_is_refused_and_not_kept(repository, tmp_path):
    wrong = jar("part0", b"y" * len(CONTENT["part0"]))
    with pytest.raises(JarDownloadError, match=r"part0-1\.0\.jar does not have the SHA-256 that kafka-jars\.lock pins"):
        fetch_jars([wrong], tmp_path, repository.url)
    assert [path.name for path in (tmp_path / "kafka-jars").iterdir()] == [".lock"]


def test_a_longer_file_than_pinned_is_refused(repository, tmp_path):
    shorter = jar("part0", CONTENT["part0"][:-1])
    with pytest.raises(JarDownloadError, match="SHA-256"):
        fetch_jars([shorter], tmp_path, repository.url)


def test_a_missing_jar_names_its_address_and_status(repository, tmp_path):
    with pytest.raises(JarDownloadError, match=r"http://127\S+/org/example/none/1\.0/none-1\.0\.jar answered HTTP 404"):
        fetch_jars([jar("none", b"1")], tmp_path, repository.url)


def test_no_network_says_what_to_do(repository, tmp_path, monkeypatch):
    monkeypatch.setattr("commonshelf.embedded_kafka.jars.time.sleep", lambda _: None)
    with pytest.raises(JarDownloadError, match=r"check the network, or name a Maven mirror in COMMONSHELF_MAVEN_URL"):
        fetch_jars(ALL[:1], tmp_path, "http://127.0.0.1:1")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: folder.write_text("a file in its place"),
        lambda folder: (folder / ".lock").mkdir(parents=True),
        lambda folder: (folder / f"{ALL[0].file_name}.part").mkdir(parents=True),
    ],
    ids=["a file in its place", "its lock cannot be opened", "a part cannot be written"],
)
def test_a_cache_that_cannot_be_written_says_what_to_do(repository, tmp_path, spoil):
    spoil(tmp_path / "kafka-jars")
    with pytest.raises(JarDownloadError, match=r"cannot write in the cache folder \S+ \(.+\); check its rights"):
        fetch_jars(ALL[:1], tmp_path, repository.url)


def test_a_disk_that_fills_up_while_jars_arrive_says_so(repository, tmp_path):
    (tmp_path / "kafka-jars").mkdir()
    (tmp_path / "kafka-jars" / f"{ALL[0].file_name}.part").symlink_to("/dev/full")
    with pytest.raises(JarDownloadError, match=r"\(No space left on device\); check its rights and the free disk"):
        fetch_jars(ALL[:1], tmp_path, repository.url)


def test_two_fetches_at_once_fetch_each_jar_once(repository, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(fetch_jars, ALL, tmp_path, repository.url) for _ in range(2)]
    assert tasks[0].result() == tasks[1].result()
    assert sorted(path for path, _ in repository.requests) == sorted(repository.files)


def test_progress_rises_to_the_total(repository, tmp_path):
    seen = []
    fetch_jars(ALL, tmp_path, repository.url, progress=lambda done, total: seen.append((done, total)))
    total = sum(map(len, CONTENT.values()))
    assert seen == sorted(seen)
    assert seen[-1] == (total, total)


def test_the_base_address_comes_from_the_environment(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("COMMONSHELF_MAVEN_URL", repository.url + "/")
    assert len(fetch_jars(ALL[:2], tmp_path)) == 2


def test_the_cache_folder_follows_the_environment(tmp_path):
    assert cache_dir({"COMMONSHELF_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == type(tmp_path)("/a")
    assert cache_dir({"XDG_CACHE_HOME": "/b"}) == type(tmp_path)("/b/commonshelf")
    assert cache_dir({}) == type(tmp_path).home() / ".cache" / "commonshelf"


def test_the_committed_lock_pins_one_kafka_release():
    jars = read_lock()
    assert {j.version for j in jars if j.group == "org.apache.kafka"} == {"4.2.2"}
    assert len({j.file_name for j in jars}) == len(jars)
    assert all(len(j.sha256) == 64 and j.size_bytes > 0 for j in jars)
