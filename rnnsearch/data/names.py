"""Which column is which, by the names that exchanges, brokers and spreadsheets give them."""

import re
from collections.abc import Sequence

USUAL = ("Open", "High", "Low", "Close", "Volume", "Adj Close")
DATE_KEYS = ("date", "datetime", "timestamp", "time")
OTHER_DATE_KEYS = (
    *("tradedate", "tradingdate", "tradingday", "opentime", "day", "日期", "交易日期", "年月日"),
    *("datum", "handelstag", "fecha", "data"),
)
ALIASES = {  # by `key`; the first that a file has, where it lacks the usual name
    "Open": (
        *("openprice", "openingprice", "開盤價", "開盤", "开盘价", "开盘"),
        *("eröffnung", "eröffnungskurs", "eröffn", "erster", "ouverture", "apertura", "otwarcie"),
    ),
    "High": (
        *("highprice", "highestprice", "最高價", "最高", "最高价"),
        *("hoch", "tageshoch", "höchst", "plushaut", "haut", "máximo", "maximo"),
        *("najwyzszy", "najwyższy"),
    ),
    "Low": (
        *("lowprice", "lowestprice", "最低價", "最低", "最低价"),
        *("tief", "tagestief", "tiefst", "plusbas", "bas", "mínimo", "minimo"),
        *("najnizszy", "najniższy"),
    ),
    "Close": (
        *("closeprice", "closingprice", "closelast", "收盤價", "收盤", "收盘价", "收盘"),
        *("schluss", "schlusskurs", "clôture", "cloture", "cierre", "zamkniecie", "zamknięcie"),
    ),
    "Volume": (
        *("tickvol", "tickvolume", "vol", "tradevolume", "totalvolume"),
        *("成交股數", "成交量", "volumen", "stücke", "stück", "umsatz", "wolumen"),
    ),
    "Adj Close": ("adjustedclose",),
}
CLOSE_OF_BARS = ("price", "last", "zuletzt", "dernier", "último", "ultimo")  # beside High and Low


def key(name: str) -> str:
    """What a column name is recognised by: `adj_close`, `<AdjClose>` and ` Adj Close* ` are one."""
    return re.sub(r"[\W_]", "", name).lower()


def date_column(names: Sequence[str]) -> int | None:
    """The place of the date among column names."""
    keys = [key(name) for name in names]
    return next((keys.index(k) for k in (*DATE_KEYS, *OTHER_DATE_KEYS) if k in keys), None)


def usual_names(names: Sequence[str]) -> list[str]:
    """`Date`, the usual names of the prices and the volume; other columns as they are called.

    Names that mean the same are both called so: it is for the caller to refuse them.
    """
    keys = [key(name) for name in names]
    canonical = {key(name): name for name in USUAL}
    found = [canonical.get(plain, name) for plain, name in zip(keys, names, strict=True)]
    if (date := date_column(names)) is not None:
        found = ["Date" if plain == keys[date] else n for plain, n in zip(keys, found, strict=True)]
    for name, aliases in ALIASES.items():
        bars = name == "Close" and {"High", "Low"} <= set(found)
        known = (*aliases, *(CLOSE_OF_BARS if bars else ()))
        if name not in found and (alias := next((a for a in known if a in keys), None)):
            found[keys.index(alias)] = name
    return found
