"""The part of our environment that a child process gets: what any program needs, and no secret."""

from collections.abc import Collection, Mapping

_NAMES = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE", "VIRTUAL_ENV",
        "JAVA_HOME", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
        "COMMONSHELF_LOG_LEVEL", "COMMONSHELF_CACHE", "COMMONSHELF_FAILPOINTS", "COMMONSHELF_FAILPOINT_LOG",
    }
)  # fmt: skip
_STARTS = ("LC_", "LD_", "DYLD_", "MALLOC_", "PYTHON", "XDG_", "COMMONSHELF_FAUST")


def child_environment(env: Mapping[str, str], own_secrets: Collection[str] = ()) -> dict[str, str]:
    """What a child gets of `env`: the names above, and those of its own secrets."""
    return {
        name: value for name, value in env.items() if name in _NAMES or name.startswith(_STARTS) or name in own_secrets
    }
