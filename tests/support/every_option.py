"""Settings in which every option of every kind of connector is set to something else than its default."""

from pathlib import Path

from commonshelf.config.sources import load
from connectors.installed import installed

SECRET = "canary-0123456789abcdef0123456789"
_NOBODY = "http://127.0.0.1:9"
_HEAD = """
[http]
port = 0
web_port = 0
webhook_port = 0
arrival_port = 0
settlement_port = 0
restock_port = 0
exporter_port = 0
directory_port = 0
agents_port = 0
ledger_port = 0
[[pools]]
id = "riverside"
name = "Riverside grocers"
catalog_files = ["catalog.csv"]
"""
_WORDS = 'unit_words = {"Kiste" = "each"}\n'
_POLLS = (
    f'base_url = "{_NOBODY}"\npoll_interval_s = 60\npoll_overlap_s = 60\nrequest_timeout_s = 1\n'
    f"write_back_interval_s = 6\n{_WORDS}"
)
_BY_ENV = f'token_env = "EVERY_TOKEN"\nsecret_env = ["EVERY_SECRET"]\n{_POLLS}'
_BY_FILE = f'token_file = "secrets/token"\nsecret_file = ["secrets/secret"]\n{_POLLS}'
_RENEWED = f'{_BY_FILE}client_id = "app"\nrefresh_token_file = "secrets/refresh"\n'
OPTIONS: tuple[tuple[str, str], ...] = (
    (
        "drop_folder",
        (
            'folder = "drop/one"\ncolumns = {"Anzahl" = "quantity"}\nfile_kinds = {"wareneingang" = "received"}\n'
            'time_format = "%d/%m/%Y"\ndecimal_mark = ","\nstatus_words = {"weg" = "sale"}\ndefault_unit = "kg"\n'
            f"settle_ms = 50\nscan_interval_s = 30\n{_WORDS}"
        ),
    ),
    ("drop_folder", 'folder = "drop/two"\nmapping_file = "mapping.toml"\n'),
    ("webhook", f'secret_env = "EVERY_SECRET"\n{_WORDS}'),
    ("webhook", 'secret_file = "secrets/secret"\n'),
    (
        "square",
        (
            f'{_RENEWED}location_id = "L1"\nclient_secret_env = "EVERY_SECRET"\nwebhook_url = "https://shelf.example/x"\n'
            "returns_restocked = false\nwrite_back = true\n"
        ),
    ),
    (
        "square",
        f'{_RENEWED}location_id = "L2"\nclient_secret_file = "secrets/secret"\nwebhook_url = "https://s.example"\n',
    ),
    ("square", f'{_BY_ENV}location_id = "L3"\nwebhook_url = "https://shelf.example/x"\nreplay_events = true\n'),
    ("shopify", f'{_BY_FILE}shop = "a.myshopify.com"\nlocation_id = 655\nonline_orders = true\nwrite_back = true\n'),
    ("shopify", f'secret_file = "secrets/secret"\n{_POLLS}shop = "b.myshopify.com"\nclient_id = "app"\n'),
    ("shopify", f'{_BY_ENV}shop = "c.myshopify.com"\n'),
    ("lightspeed", f'{_RENEWED}domain_prefix = "grocer"\noutlet_id = "o1"\n'),
    ("lightspeed", f'{_BY_ENV}domain_prefix = "grocer"\n'),
    ("loyverse", f'{_RENEWED}store_id = "s1"\nreturns_restocked = false\n'),
    ("loyverse", f"{_BY_ENV}"),
    ("clover", f'{_RENEWED}merchant_id = "ABCDEFGHIJKLM"\nreturns_restocked = false\n'),
    ("clover", f'{_BY_ENV}merchant_id = "ABCDEFGHIJKLM"\n'),
    (
        "odoo",
        (
            f'token_file = "secrets/token"\n{_POLLS}database = "shop"\nlogin = "anna"\nconfig_ids = [1, 2]\n'
            "stock_location_id = 8\n"
            "returns_restocked = false\n"
        ),
    ),
    ("odoo", f'token_env = "EVERY_TOKEN"\n{_POLLS}config_ids = [1]\n'),
    ("woocommerce", f"{_BY_FILE}write_back = true\n"),
    ("woocommerce", f"{_BY_ENV}"),
)
"""(kind, its options); a kind stands several times where its options exclude each other."""
NEVER = {"odoo": {"secret_env", "secret_file"}}
"""Options that a kind has and refuses."""
ENV = {"EVERY_TOKEN": f"key:{SECRET}", "EVERY_SECRET": SECRET}


def write_every_option(folder: Path) -> Path:
    """A settings file with a store for each of OPTIONS, and the files that it names. Returns it."""
    (folder / "secrets").mkdir()
    for name in ("token", "secret", "refresh"):
        (folder / "secrets" / name).write_text(f"key:{SECRET}")
        (folder / "secrets" / name).chmod(0o600)
    (folder / "catalog.csv").write_text("sku,name,gtin\nMILK,Milk,4006381333931\n")
    (folder / "mapping.toml").write_text('columns = { "Cantidad" = "quantity" }\ntime_format = "%d/%m/%Y"\n')
    stores = [
        f'[[stores]]\nid = "s{at}"\nname = "Store {at}"\n[[stores.connectors]]\nkind = "{kind}"\n{options}'
        for at, (kind, options) in enumerate(OPTIONS)
    ]
    file = folder / "commonshelf.toml"
    file.write_text(_HEAD + "".join(stores))
    return file


def options_left_out(file: Path) -> set[str]:
    """Options of installed connectors, as kind.option, that no store of a settings file sets."""
    used = {
        f"{options.kind}.{name}"
        for store in load(file, env={}).settings.stores
        for options in store.connectors
        for name in options.model_fields_set
    }
    known = {
        f"{kind}.{name}"
        for kind, each in installed()[0].items()
        for name in each.options.model_fields
        if name not in NEVER.get(kind, ())
    }
    return known - used
