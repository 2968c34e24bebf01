"""Dates with words, and years of other calendars, as year-month-day where they have one meaning.

`dateparser` reads more, but guesses: 03/04/2014 is March there, without a word, and text that is
no date often becomes one. Here a date that may be two is left as it is, and refused later on.
"""

import re
import unicodedata
from functools import partial

import pandas as pd

MONTHS = (  # as dates have them, without accents, in any case; each language's, short and long
    "jan january januar janvier janv jan enero ene janeiro gennaio gen januari ocak oca styczen "
    "stycznia sty tammikuu leden ledna янв январь января јануар ianuarie ม.ค. มกราคม",
    "feb february februar fevrier fevr fev febrero fevereiro febbraio februari subat sub luty "
    "lutego lut helmikuu unor unora фев февр февраль февраля februarie ก.พ. กุมภาพันธ์",
    "mar march marz marts mars marzo marco maret maart mrt mart marzec marca maaliskuu brezen "
    "brezna мар март марта martie มี.ค. มีนาคม",
    "apr april avril avr abril abr aprile nisan nis kwiecien kwietnia kwi huhtikuu duben dubna "
    "апр апрель апреля aprilie เม.ย. เมษายน",
    "may mai mayo maio maggio mag mei maj mayis maja toukokuu kveten kvetna май мая พ.ค. พฤษภาคม",
    "jun june juni juin junio junho giugno giu haziran haz czerwiec czerwca cze kesakuu cerven "
    "cervna июн июнь июня iunie มิ.ย. มิถุนายน",
    "jul july juli juillet juil julio julho luglio lug temmuz tem lipiec lipca lip heinakuu "
    "cervenec cervence июл июль июля iulie ก.ค. กรกฎาคม",
    "aug august aout agosto ago agustus agu augustus augusti agustos sierpien sierpnia sie elokuu "
    "srpen srpna авг август августа ส.ค. สิงหาคม",
    "sep sept september septembre septiembre setembro set settembre eylul eyl wrzesien wrzesnia "
    "wrz syyskuu zari сен сент сентябрь сентября septembrie ก.ย. กันยายน",
    "oct october okt oktober octobre octubre outubro out ottobre ott ekim eki pazdziernik "
    "pazdziernika paz lokakuu rijen rijna окт октябрь октября octombrie ต.ค. ตุลาคม",
    "nov november novembre noviembre novembro nopember kasim kas listopad listopada lis marraskuu "
    "ноя нояб ноябрь ноября noiembrie พ.ย. พฤศจิกายน",
    "dec december dez dezember decembre diciembre dic dezembro dicembre des desember aralik ara "
    "grudzien grudnia gru joulukuu prosinec prosince дек декабрь декабря decembrie ธ.ค. ธันวาคม",
)
# листопад and listopad are October in Croatian and November in Polish and Czech: one of the two
AMBIGUOUS = {"listopad", "listopada"}
FILLERS = frozenset(["de", "del", "of", "the", "st", "nd", "rd", "th", "г", "года", "и"])
WEEKDAYS = frozenset(
    [
        "mon",
        "tue",
        "tues",
        "wed",
        "thu",
        "thur",
        "thurs",
        "fri",
        "sat",
        "sun",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "montag",
        "dienstag",
        "mittwoch",
        "donnerstag",
        "freitag",
        "mo",
        "di",
        "mi",
        "do",
        "fr",
        "lundi",
        "mardi",
        "mercredi",
        "jeudi",
        "vendredi",
        "lun",
        "mer",
        "jeu",
        "ven",
        "lunes",
        "martes",
        "miercoles",
        "jueves",
        "viernes",
        "mie",
        "jue",
        "vie",
        "segunda",
        "terca",
        "quarta",
        "quinta",
        "sexta",
        "lunedi",
        "martedi",
        "mercoledi",
        "giovedi",
        "venerdi",
        "gio",
    ]
)
ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "民國": 1911, "民国": 1911}
CENTURY = 50  # years of two digits under it are of this century, as databases read them
WORD_DATE = re.compile(
    r"(?P<a>\d{1,4})[\s./,-]*@(?P<m>\d\d)@[\s./,-]*(?P<b>\d{1,4})(?:,?\s+(?P<t>\d.*))?"
)
MONTH_FIRST = re.compile(
    r"@(?P<m>\d\d)@[\s./,-]*(?P<a>\d{1,2})[\s./,-]+(?P<b>\d{4}|\d\d)(?:,?\s+(?P<t>\d.*))?"
)


def _plain(word: str) -> str:
    text = unicodedata.normalize("NFKD", word.casefold().replace("ı", "i"))
    if any("\u0e00" <= one <= "\u0e7f" for one in text):  # Thai vowels are marks too
        return word
    return "".join(one for one in text if unicodedata.category(one) != "Mn")


_NUMBERS = {
    _plain(word): number for number, words in enumerate(MONTHS, 1) for word in words.split()
}


def plain_dates(text: pd.Series) -> tuple[pd.Series, list[str]]:
    """Text of dates (NaN where missing) in digits alone, and how it was read."""
    notes: list[str] = []
    read = text.str.replace(r"^(\d{8}|1\d{9}|1\d{12})\.0+$", r"\1", regex=True)
    read = read.str.replace(r"\s*\([^()]*\)$", "", regex=True)  # (木), (Coordinated ...)
    read = read.str.replace(r"(:\d\d(?:\.\d+)?)\s*(?:UTC|GMT)([+-]\d{4})?$", _zone, regex=True)
    read = read.str.replace(r"^([\d./年月日-]+)\s+(?:UTC|GMT)$", r"\1", regex=True)
    if read.str.contains(r"[年년]", na=False).any():
        read = _east_asian(read)
    elif read.str.contains(r"\d[.-]\s", na=False).any():  # 2011. 5. 19. and 2023- 02- 24
        korean = read.str.replace(
            r"^(\d{4})([.-])\s+(\d\d?)\2\s+(\d\d?)\.?(?=\s|$)", r"\1-\3-\4", regex=True
        )
        read = _padded(korean)
    if read.str.contains(r"[^\W\d_]{3}|[^\W\d_]\.", na=False).any():
        read = _months_in_digits(read)
    buddhist = read.str.extract(r"\b(2[45]\d\d)\b", expand=False)
    if len(read) and buddhist.notna().all():
        read = read.str.replace(
            r"\b(2[45]\d\d)\b", lambda year: str(int(year[1]) - 543), regex=True
        )
        notes.append(
            f"years of dates are counted from 543 before Christ: {text.iloc[0]} is {read.iloc[0]}"
        )
    changed = (read != text) & text.notna()
    if changed.any() and not notes:
        row = int(changed.to_numpy().argmax())
        if not str(text.iloc[row]).endswith(("UTC", "GMT")):
            notes.append(f"dates are read so: {text.iloc[row]} is {read.iloc[row]}")
    return read, notes


def _zone(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2] or 'Z'}"


def _east_asian(text: pd.Series) -> pd.Series:
    """2011年5月19日, 令和5年2月24日, 2011년 5월 19일 as 2011-05-19."""
    for era, start in ERAS.items():
        text = text.str.replace(
            rf"^{era}\s*(\d{{1,3}}|元)\s*年",
            partial(_since, start),
            regex=True,
        )
    return _padded(
        text.str.replace(
            r"^(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일](?:\s*[星期周週]+.)?",
            r"\1-\2-\3",
            regex=True,
        )
    )


def _since(start: int, year: re.Match[str]) -> str:
    return f"{start + (1 if year[1] == '元' else int(year[1]))}年"


def _padded(text: pd.Series) -> pd.Series:
    return text.str.replace(
        r"^(\d{4})-(\d{1,2})-(\d{1,2})(?=\s|$)",
        lambda one: f"{one[1]}-{one[2]:0>2}-{one[3]:0>2}",
        regex=True,
    )


def _months_in_digits(text: pd.Series) -> pd.Series:
    """Each date whose words are one month, and perhaps a weekday, as year-month-day."""
    words = {
        one: _month_in_digits(one) for one in text.dropna().unique() if re.search(r"[^\W\d_]", one)
    }
    return text.map(lambda one: words.get(one, one), na_action="ignore")


def _month_in_digits(text: str) -> str:
    months = 0

    def digits(found: re.Match[str]) -> str:
        nonlocal months
        word = _plain(found[0]).strip(".")
        if (number := _NUMBERS.get(_plain(found[0]), _NUMBERS.get(word))) and (
            word not in AMBIGUOUS
        ):
            months += 1
            return f"@{number:02}@"
        return "" if word in WEEKDAYS or word in FILLERS else found[0]

    bare, mark, time = text.partition(":")
    head, hour = (bare, "") if not mark else (re.sub(r"[\sT]*\d{1,2}$", "", bare), bare)
    rest = f" {hour[len(head) :].strip(' T')}:{time}" if mark else ""
    read = re.sub(r"[^\W\d_](?:[^\W\d_]|[\u0e00-\u0e7f.])*", digits, head)
    read = read.replace("(", "").strip(" ,.-")
    found = (WORD_DATE.fullmatch(read) or MONTH_FIRST.fullmatch(read)) if months == 1 else None
    if found is None:
        return text
    day, year = found["a"], found["b"]
    if len(day) == 4 and len(year) <= 2:
        day, year = year, day
    if len(day) > 2 or len(year) not in (2, 4):
        return text
    if len(year) == 2:
        year = f"{20 if int(year) < CENTURY else 19}{year}"
    return f"{year}-{found['m']}-{day:0>2}{rest}"
