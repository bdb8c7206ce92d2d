"""The listing of a pool's stores, from what each shows to everybody: as rows, schema.org, GeoJSON and a feed.

Sources: schema.org's Store and OpeningHoursSpecification; RFC 7946; JSON Feed 1.1.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from commonshelf.web.callers import is_open
from commonshelf.web.views.pool_views import PoolViews
from schemas.types.access import PublicListing
from schemas.types.config import OpeningHours, PickupPlace, StoreSettings

Shape = dict[str, object]
_E6 = 1_000_000
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MIDNIGHT = 1440


def directory(views: PoolViews, pool: str) -> Shape:
    """The pool and the stores that are listed, by id."""
    settings, places = views.settings(pool), views.places(pool)
    assert settings is not None, "the pool is known"
    stores, listings = views.stores(pool), views.listings(pool)
    return {
        "pool": pool, "name": settings["name"], "time_zone": settings["time_zone"],
        "stores": [
            {
                "store": store, "name": stores[store]["name"], "is_open": is_open(stores[store], settings["time_zone"]),
                "latitude_e6": stores[store]["latitude_e6"], "longitude_e6": stores[store]["longitude_e6"],
                "opening": stores[store]["opening"], "closed_days": stores[store]["closed_days"],
                "address": listing["address"], "url": listing["url"], "services": listing["services"],
                "shows_bands": listing["shows_bands"], "categories": listing["categories"],
                "pickup_places": [_place(place) for place in _places_of(places.values(), store)],
            }
            for store, listing in listings.items()
            if store in stores
        ],
    }  # fmt: skip


def as_schema_org(views: PoolViews, pool: str) -> Shape:
    """The same as JSON-LD."""
    return {"@context": "https://schema.org", "@graph": [
        {
            "@type": "Store", "@id": f"#{store}", "name": settings["name"],
            "geo": {
                "@type": "GeoCoordinates", "latitude": settings["latitude_e6"] / _E6,
                "longitude": settings["longitude_e6"] / _E6,
            },
            "openingHoursSpecification": [_hours(span) for span in settings["opening"]],
            "specialOpeningHoursSpecification": [
                {"@type": "OpeningHoursSpecification", "validFrom": day, "validThrough": day, "opens": "00:00",
                 "closes": "00:00"} for day in settings["closed_days"]
            ],
            "amenityFeature": [
                {"@type": "LocationFeatureSpecification", "name": service, "value": True}
                for service in listing["services"]
            ],
            **({} if listing["address"] is None else {"address": listing["address"]}),
            **({} if listing["url"] is None else {"url": listing["url"]}),
        }
        for store, settings, listing in _listed(views, pool)
    ]}  # fmt: skip


def as_geojson(views: PoolViews, pool: str) -> Shape:
    """The same as a FeatureCollection of points; longitude comes first."""
    return {"type": "FeatureCollection", "features": [
        {
            "type": "Feature", "id": store,
            "geometry": {
                "type": "Point",
                "coordinates": [settings["longitude_e6"] / _E6, settings["latitude_e6"] / _E6],
            },
            "properties": {
                "name": settings["name"], "address": listing["address"], "url": listing["url"],
                "services": listing["services"], "shows_bands": listing["shows_bands"],
            },
        }
        for store, settings, listing in _listed(views, pool)
    ]}  # fmt: skip


def as_feed(views: PoolViews, pool: str) -> Shape:
    """What has changed in the directory, the newest first: a JSON feed with one item for each store as it is now."""
    settings = views.settings(pool)
    assert settings is not None, "the pool is known"
    told = [(views.listed_at_ms(pool, store), store, row["name"]) for store, row, _ in _listed(views, pool)]
    return {
        "version": "https://jsonfeed.org/version/1.1", "title": f"Stores of {settings['name']}",
        "items": [
            {
                "id": f"{pool}/{store}/{at_ms}", "url": f"/v1/pools/{pool}/directory", "title": store_name,
                "content_text": f"{store_name} tells anew what it shows.",
                "date_modified": datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds"),
            }
            for at_ms, store, store_name in sorted(told, reverse=True)
        ],
    }  # fmt: skip


def _listed(views: PoolViews, pool: str) -> Iterable[tuple[str, StoreSettings, PublicListing]]:
    stores = views.stores(pool)
    return [(store, stores[store], listing) for store, listing in views.listings(pool).items() if store in stores]


def _hours(span: OpeningHours) -> Shape:
    return {
        "@type": "OpeningHoursSpecification", "dayOfWeek": f"https://schema.org/{_DAYS[span['weekday'] - 1]}",
        "opens": _clock(span["opens_minute"]), "closes": _clock(span["closes_minute"]),
    }  # fmt: skip


def _clock(minute: int) -> str:
    """A minute of the day; midnight at its end is the last minute, for schema.org knows no 24:00."""
    minute = min(minute, _MIDNIGHT - 1)
    return f"{minute // 60:02}:{minute % 60:02}"


def _places_of(places: Iterable[PickupPlace], store: str) -> list[PickupPlace]:
    return [place for place in places if place["open"] and store in place["stores"]]


def _place(place: PickupPlace) -> Shape:
    return {
        "place": place["place"], "name": place["name"], "opening": place["opening"],
        "closed_days": place["closed_days"],
    }  # fmt: skip
