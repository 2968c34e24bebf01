"""Which column is which, by the names that exchanges, brokers and spreadsheets give them.

What the lists lack is still read where its name is given: `target`, `columns`, or a column Date.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import pandas as pd

from rnnsearch.errors import DataError

USUAL = ("Open", "High", "Low", "Close", "Volume", "Adj Close")
LETTERS = {"o": "Open", "h": "High", "l": "Low", "c": "Close"}  # of some APIs: all four, or none


def key(name: str) -> str:
    """What a column name is recognised by: `adj_close`, `<AdjClose>` and ` Adj Close* ` are one.

    So are `1. open` of Alpha Vantage, `open_d` of TEJ, and `OPEN` in the wide letters of Japan.
    """
    if name.isascii():
        name = re.sub(r"^\s*\d+\.\s+(?=\S)", "", name)
        if "price adjusted for" in name or "close price adjusted" in name:  # of Yahoo's page
            name = re.sub(r"^\s*(Adj Close|Close)\s.*", r"\1", name)
        name = re.sub(r"(?i)^\s*(open|high|low|close)_d\s*$", r"\1", name)
        return re.sub(r"[\W_]", "", name).lower()
    text = unicodedata.normalize("NFKC", name).casefold().replace("\u0307", "")
    return "".join(one for one in text if one.isalnum() or unicodedata.category(one)[0] == "M")


def _keys(text: str) -> tuple[str, ...]:
    return tuple(map(key, text.split()))


DATE_KEYS = ("date", "datetime", "timestamp", "time")
OTHER_DATE_KEYS = _keys(
    "tradedate tradingdate tradingday opentime day mdate pricedate quotedate businessdate "
    "caldt datadate exchangedate observationdate timeperiod datpre datpreg दिनांक dt ts "
    "unixtime unix dateutc datetimeutc localtime gmttime 日期 交易日期 "
    "交易日 年月日 時間 时间 日付 日付け データ日付 取引日 日時 約定日 날짜 일자 일시 거래일 "
    "datum handelstag zeit fecha data datadopregão datahora datadesessão date/heure jour "
    "giorno tarih päivämäärä pvm dato tanggal ngày ngàygd วันที่ วันเดือนปี дата время "
    "дататоргов ημερομηνία תאריך التاريخ dátum dată"
)
ALIASES = {  # by `key`; the first that a file has, where it lacks the usual name
    "Open": _keys(
        "openprice openingprice openpx öppningskurs otevírací otvírací відкриття खुला "
        "preabe pxopen firstprice 開盤價 開盤 开盘价 开盘 開市價 開市 "
        "开市 始値 시가 시작가 eröffnung eröffnungskurs eröffn erster öppen åbning åpning "
        "avaus openingskoers ouverture ouv premier apertura abertura aper aprire otwarcie "
        "otevření nyitó açılış pembukaan buka mở mởcửa giámởcửa giámở เปิด ราคาเปิด открытие "
        "откр ценаоткрытия άνοιγμα פתיחה شعارالفتح مفتوح الافتتاح deschidere"
    ),
    "High": _keys(
        "highprice highestprice dayhigh highpx högstakurs högsta hoogste nejvyšší premax "
        "उच्च pxhigh hi 最高價 最高 最高价 高 高値 고가 "
        "최고가 hoch tageshoch höchst höchstkurs högst høj høy ylin hoog plushaut haut máximo "
        "maximo máxima maxima máx alto massimo max maks najwyzszy najwyższy maximum "
        "legmagasabb yüksek enyüksek tertinggi cao caonhất giácaonhất สูงสุด ราคาสูงสุด "
        "максимум макс максцена μέγιστο גבוה مرتفع الأعلى maxim"
    ),
    "Low": _keys(
        "lowprice lowestprice daylow lowpx lägstakurs lägsta laagste nejnižší premin мінімум "
        "निम्न pxlow lo 最低價 最低 最低价 低 安値 저가 최저가 "
        "tief tagestief tiefst tiefstkurs lägst lav alin laag plusbas bas mínimo minimo "
        "mínima minima mín bajo baixo min najnizszy najniższy minimum legalacsonyabb düşük "
        "endüşük terendah thấp thấpnhất giáthấpnhất ต่ำสุด ราคาต่ำสุด минимум мин минцена "
        "ελάχιστο נמוך منخفض الأدنى minim"
    ),
    "Close": _keys(
        "closeprice closingprice closelast closepx stängningskurs závěrečná закриття "
        "inchidere preult बंद pxclose pxlast closevalue 收盤價 收盤 "
        "收盘价 收盘 收市價 收市 收市价 終値 종가 schluss schlusskurs schlußkurs slutkurs "
        "stängning slut sluttkurs päätös slotkoers slot clôture cloture clot cierre fechamento "
        "fech chiusura zamkniecie zamknięcie závěr záró kapanış penutupan tutup đóngcửa "
        "giáđóngcửa ปิด ราคาปิด закрытие закр ценазакрытия κλείσιμο סגירה إغلاق الإغلاق "
        "închidere"
    ),
    "Volume": _keys(
        "tickvol tickvolume vol pxvolume quatot volym obsah обсяг מחזור मात्रा "
        "tradevolume totalvolume tradingvolume sharestraded noofshares "
        "totaltradedquantity totaltradequantity tottrdqty volumetraded qtytraded 成交股數 "
        "成交量 交易量 出来高 売買高 거래량 volumen stücke stück umsatz omsättning volymi "
        "volumennominal wolumen wol objem forgalom hacim hac volumeperdagangan kl khốilượng klgd "
        "khốilượnggiaodịch ปริมาณ ปริมาณการซื้อขาย объем объём обьем όγκος נפח الحجم volum"
    ),
    "Adj Close": _keys(
        "adjustedclose adjclosingprice 調整後終値 調整後收盤價 后复权收盘价 前复权收盘价 수정종가"
    ),
}
CLOSE_OF_BARS = _keys(  # beside High and Low
    "price last lastprice zuletzt dernier último ultimo ostatnio laatste senaste viimeisin "
    "sidste siste şimdi son terakhir lầncuối giá ล่าสุด цена последняя последн τελευταία "
    "אחרון שער الآن 現値 現在値 현재가 最新价 最新價"
)
SERIES_KEYS = _keys(  # name whose a row is, in a file of several series
    "ticker tickers symbol sym tic stockcode stocksymbol stockid stock code securitycode "
    "security securityid secid instrument instrumentid isin cusip sedol permno gvkey ric figi "
    "wkn asset assetid coin currencypair pair contract scrip scripcode companyname company "
    "indexname name tscode uniqueid itemid seriesid series seriesname unique_id item_id kode "
    "símbolo simbolo ativo papel código codigo codneg valeur titre libellé wertpapier kürzel "
    "證券代號 證券名稱 股票代號 股票代码 股票代碼 代號 代码 代碼 名稱 名称 銘柄コード 銘柄 "
    "コード 종목코드 종목명 mãck mã тикер"
)
SUREST_SERIES = frozenset(_keys("ticker tickers symbol tic isin permno tscode uniqueid 股票代码"))
LONGEST_NAME = 200  # characters of a name that may have a unit in brackets
_IN_BRACKETS = re.compile(r"[(（\[][^)）\]]*[)）\]]")


def date_column(names: Sequence[str]) -> int | None:
    """The place of the date among column names."""
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        places.setdefault(key(name), place)
    known = (*DATE_KEYS, *OTHER_DATE_KEYS, *("t" * (LETTERS.keys() <= places.keys())))
    return next((places[k] for k in known if k in places), None)


def series_column(name: str) -> bool:
    """Whether a column of this name says whose a row is."""
    return key(name) in SERIES_KEYS


def usual_names(names: Sequence[str]) -> list[str]:
    """`Date`, the usual names of the prices and the volume; other columns as they are called.

    Names that mean the same are both called so: it is for the caller to refuse them.
    """
    keys = [key(name) for name in names]
    canonical = {key(name): name for name in USUAL}
    if LETTERS.keys() <= set(keys):
        canonical = LETTERS | {"v": "Volume"} | canonical
    found = [canonical.get(plain, name) for plain, name in zip(keys, names, strict=True)]
    if (date := date_column(names)) is not None:
        found = ["Date" if plain == keys[date] else n for plain, n in zip(keys, found, strict=True)]
    places: dict[str, int] = {}
    for place, plain in enumerate(keys):
        places.setdefault(plain, place)
    bare = _without_units(names, set(keys))
    for name, aliases in ALIASES.items():
        if name in found:
            continue
        bars = name == "Close" and {"High", "Low"} <= set(found)
        known = (*aliases, *(CLOSE_OF_BARS if bars else ()))
        if (alias := next((a for a in known if a in places), None)) is not None:
            found[places[alias]] = name
        elif (alias := next((a for a in (key(name), *known) if a in bare), None)) is not None:
            found[bare[alias]] = name
    return found


def _without_units(names: Sequence[str], taken: set[str]) -> dict[str, int]:
    """Places by the key of a name without what is in brackets, `收盤價(元)`, where it is one."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        if len(name) > LONGEST_NAME or not _IN_BRACKETS.search(name):
            continue
        short = key(_IN_BRACKETS.sub("", name))
        if short and short not in taken:
            found.setdefault(short, []).append(place)
    return {short: places[0] for short, places in found.items() if len(places) == 1}


def find_column(file: str, table: pd.DataFrame, wanted: str, setting: str) -> str:
    """The table's name of a column that the study file names."""
    names = [name for name in table.columns if name != "Date"]
    by_key = {key(name): name for name in reversed(names)} | {name: name for name in names}
    found = by_key.get(wanted) or by_key.get(key(wanted))
    if found is None:
        near = get_close_matches(wanted, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"the file has {listed(names)}."
        raise DataError(f"{file}: there is no column {wanted!r} (set by {setting}); {hint}")
    return found


def listed(names: Iterable[str]) -> str:
    """Names for a message, the first 20 of them."""
    every = [str(name)[:40] for name in names]
    shown = ", ".join(every[:20]) or "no columns"
    return f"{shown}, ..." if len(every) > 20 else shown
