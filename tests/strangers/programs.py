"""Programs that write tables, and the countries they are used in: what people export, as data.

A mapping is a choice by weight. What is common in the world has a large weight, so that common things are common
and several rare ones meet now and then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

NO_BREAK, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True, eq=False)
class Language:
    """What people of one language write into tables.

    Attributes
    ----------
    names : tuple of str
        Of columns.
    words : tuple of tuples
        Each the values of one category.
    people : tuple of str
        Parts of names.
    yes_no : tuple of (str, str)
        For no and for yes.
    before, behind : tuple of str
        Units and currencies in front of a number and after it, with the blank that is usual.
    title, total, source : str
        A line above a table, the first cell of a line of totals, a line below.
    magnitudes : mapping of str to int
        What stands behind a shortened number -> the power of ten it means.
    """

    names: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    people: tuple[str, ...]
    yes_no: tuple[tuple[str, str], ...]
    before: tuple[str, ...]
    behind: tuple[str, ...]
    title: str
    total: str
    source: str
    magnitudes: Mapping[str, int] = field(default_factory=lambda: {"k": 3, "M": 6})


ENGLISH = Language(
    names=(
        *("price", "Height", "Weight (kg)", "Temp [°C]", "Sales, net", "income", "AGE", "Unit Price", "qty", "score"),
        *("width_mm", "Blood Pressure", "%body fat", "x1", "x2", "duration", "Speed (km/h)", "rate", "Amount", "depth"),
        *("value", "Value", "VALUE", "value.1", "value (2)", "Total area", "total  area", "noise"),
        *('the "index"', "#views"),
    ),
    words=(
        ("red", "green", "blue"),
        ("New York", "Boston, MA", "Paris", "London"),
        ("small", "medium", "large", "X-large"),
        ('the "best"', "fair", "so-so; poor"),
        ("A", "B", "C", "D"),
        ("O'Brien & Sons", "Smith Ltd.", "ACME, Inc."),
        ("grade 1", "grade 2", "grade 10"),
        ("male", "female"),
        ("<5 years", "5-10 years", ">10 years"),
        ("naïve", "café", "plain"),
    ),
    people=("Smith", "Anna", "O'Neil", "de Vries", "Lee", "Maria", "Brown", "Zoë"),
    yes_no=(
        *(("no", "yes"), ("No", "Yes"), ("NO", "YES"), ("n", "y"), ("N", "Y")),
        *(("false", "true"), ("False", "True"), ("FALSE", "TRUE")),
    ),
    before=("$", "£", "€", "US$", "USD ", "€ "),
    behind=(" kg", " cm", "cm", " °C", "%", " %", " mph", " USD", " m²", "ms", " h", "€"),
    title="Sales report 2023",
    total="Total",
    source="Source: World Bank",
)  # fmt: skip
GERMAN = Language(
    names=(
        *("Preis", "Größe", "Gewicht (kg)", "Temperatur [°C]", "Umsatz", "Alter", "Menge", "Straße", "Länge in mm"),
        *("Einkommen", "Anteil %", "Höhe", "Dauer", "Zähler", "Messwert", "Messwert 2", "Betrag", "Fläche", "Übertrag"),
    ),
    words=(
        ("rot", "grün", "weiß"),
        ("München", "Köln", "Berlin", "Frankfurt/Main"),
        ("groß", "mittel", "klein"),
        ("männlich", "weiblich"),
        ("Müller & Söhne", "Schmidt GmbH", "Bäckerei, Nord"),
    ),
    people=("Müller", "Jürgen", "Weiß", "Schröder", "Anna", "von Stein", "Käthe"),
    yes_no=(("nein", "ja"), ("Nein", "Ja"), ("no", "yes"), ("falsch", "wahr"), ("FALSCH", "WAHR"), ("N", "J")),
    before=("€ ", "EUR ", "€"),
    behind=(" €", "€", " EUR", " kg", " cm", " °C", "%", " %", " m²", " km/h", " Std."),
    title="Umsätze 2023",
    total="Summe",
    source="Quelle: Statistisches Bundesamt",
    magnitudes={" Tsd.": 3, " Mio.": 6},
)  # fmt: skip
SWISS = replace(
    GERMAN,
    words=(*GERMAN.words, ("Zürich", "Genève", "Bern")),
    before=("CHF ", "Fr. "),
    behind=(" CHF", " Fr.", " kg", "%", " m²"),
)
FRENCH = Language(
    names=(
        *("prix", "Quantité", "Âge", "Température (°C)", "Année", "Durée", "Taux d'intérêt", "poids", "Montant HT"),
        *("Ville d'été", "Débit", "Crédit", "effectif", "Côté"),
    ),
    words=(
        ("été", "hiver", "forêt"),
        ("Île-de-France", "Provence", "Bretagne"),
        ("élevé", "moyen", "très bas"),
        ("garçon", "fille"),
    ),
    people=("Émile", "Durand", "François", "Lefèvre", "Noël", "Marie"),
    yes_no=(("non", "oui"), ("Non", "Oui"), ("NON", "OUI"), ("FAUX", "VRAI")),
    before=("€ ",),
    behind=(" €", f"{NO_BREAK}€", " kg", f"{NO_BREAK}%", " %", " m²", "°C"),
    title="Relevé d'opérations",
    total="Total général",
    source="Source : Insee",
)
CHINESE = Language(
    names=("价格", "数量", "温度(℃)", "收入", "年龄", "面积", "销售额", "得分", "高度", "重量（kg）", "比例", "次数"),
    words=(
        ("北京", "上海", "广州", "深圳"),
        ("红色", "绿色", "蓝色"),
        ("男", "女"),
        ("优", "良", "一般", "差"),
        ("张三，李四", "王五", "赵六"),
    ),
    people=("张", "王", "李", "伟", "芳", "娜", "强"),
    yes_no=(("否", "是"), ("no", "yes"), ("FALSE", "TRUE")),
    before=("￥", "¥"),
    behind=("元", "%", "kg", "℃", "平米", "次", " cm"),
    title="2023年销售报表",
    total="合计",
    source="数据来源:国家统计局",
    magnitudes={"万": 4, "亿": 8},
)
JAPANESE = Language(
    names=("価格", "数量", "気温(℃)", "売上", "年齢", "面積", "得点", "高さ", "体重", "回数", "湿度"),
    words=(
        ("東京", "大阪", "名古屋"),
        ("りんご", "みかん", "ぶどう"),
        ("男性", "女性"),
        ("カラー", "モノクロ"),
        ("晴れ", "曇り", "雨"),
    ),
    people=("佐藤", "鈴木", "太郎", "花子", "田中"),
    yes_no=(("いいえ", "はい"), ("FALSE", "TRUE"), ("no", "yes")),
    before=("¥",),
    behind=("円", "%", "kg", "℃", "回", "m"),
    title="売上一覧 2023年",
    total="合計",
    source="出典:気象庁",
    magnitudes={"万": 4, "億": 8},
)
RUSSIAN = Language(
    names=("Цена", "Количество", "Температура, °C", "Возраст", "Сумма", "Доход", "Площадь", "Вес (кг)", "Оценка"),
    words=(("красный", "синий", "зелёный"), ("Москва", "Санкт-Петербург", "Казань"), ("муж.", "жен.")),
    people=("Иванов", "Пётр", "Смирнова", "Анна", "Кузнецов"),
    yes_no=(("нет", "да"), ("Нет", "Да")),
    before=(),
    behind=(" кг", " руб.", "%", " м²", " °C"),
    title="Отчёт о продажах",
    total="Итого",
    source="Источник: Росстат",
    magnitudes={" тыс.": 3, " млн": 6},
)
POLISH = Language(
    names=("Cena", "Ilość", "Wartość", "Wiek", "Długość", "Masa (kg)", "Dochód", "Średnia", "Źródło"),
    words=(("żółty", "zielony", "czerwony"), ("Łódź", "Kraków", "Gdańsk"), ("mężczyzna", "kobieta")),
    people=("Łukasz", "Świątek", "Nowak", "Małgorzata", "Wójcik"),
    yes_no=(("nie", "tak"), ("NIE", "TAK")),
    before=(),
    behind=(" zł", " kg", "%", " m²", " cm"),
    title="Zestawienie sprzedaży",
    total="Razem",
    source="Źródło: GUS",
)
DEVICE = replace(
    ENGLISH,
    names=("t", "U1", "I_2", "Temp. 1", "Temp. 2", "flow", "p_abs", "torque", "channel 3", "ch4", "rpm", "strain_x"),
    words=(("ok", "fault"), ("run", "stop", "idle"), ("A1", "B2", "C3")),
    title="Logger XY-200",
    source="end of measurement",
)

ISO_DATES = {"%Y-%m-%d": 3.0}
ISO_TIMES = {"%Y-%m-%d %H:%M:%S": 3.0, "%Y-%m-%dT%H:%M:%S": 1.0, "%Y-%m-%d %H:%M": 1.0}
DOTTED = {"%d.%m.%Y": 4.0, "%d.%m.%y": 1.0, "%d.%m.%Y %H:%M": 2.0, "%d.%m.%Y %H:%M:%S": 1.0, "#d.#m.%Y": 0.5}
DAY_FIRST = {"%d/%m/%Y": 4.0, "%d/%m/%Y %H:%M": 2.0, "%d/%m/%y": 0.7, "#d/#m/%Y": 0.7, "%d-%m-%Y": 1.0}
MONTH_FIRST = {"#m/#d/%Y": 3.0, "%m/%d/%Y": 2.0, "#m/#d/%y": 0.7, "#m/#d/%Y #I:%M %p": 1.0, "#m/#d/%Y %H:%M": 1.0}
NAMED_MONTHS = {
    "%d-%b-%Y": 2.0, "#d-%b-%y": 1.0, "%d %b %Y": 1.0, "%d-%b-%Y %H:%M": 0.5, "%b #d, %Y": 0.7, "%B #d, %Y": 0.5,
}  # fmt: skip
CHINESE_DATES = {
    "%Y年%m月%d日": 2.0, "%Y年#m月#d日": 1.0, "%Y年%m月%d日 %H:%M": 1.0, "%Y/#m/#d": 2.0, "%Y/%m/%d %H:%M": 1.0,
}  # fmt: skip

SCRIPTS = {"%d/%m/%Y, %H:%M:%S": 0.8, "#m/#d/%Y, #I:%M:%S %p": 0.8}
"""What toLocaleString makes of a date."""

EMPTY_GAPS = {"": 1.0}
PEOPLES_GAPS = {"": 10.0, "NA": 2.0, "n/a": 2.0, "-": 2.0, "?": 1.0, "N/A": 1.0, "#N/A": 1.0, "null": 0.5, "--": 0.2}


@dataclass(frozen=True, eq=False)
class Program:
    """One program in one country: what its tables look like.

    Attributes
    ----------
    name : str
        The program.
    weight : float
        How often it is met.
    language : Language
        Of its users.
    separators, encodings, line_ends, quoting, thousands, gaps, dates, index, above, below : mapping
        Choices by weight. An encoding that begins with "mark " has a byte order mark. `quoting` is "minimal", "all",
        "words" (all that are no numbers), or "none". `dates` are strftime's, with ``#d`` for a day without a zero.
    decimal : str
        Point or comma.
    suffixes : mapping
        Of file names.
    numbers : mapping
        Habits: "float" (whole numbers beside a gap become 3.0), "no zero" (.5), "minus behind" (5-), "exponent".
    by_hand : float
        How likely a column is that a person has typed, with units, percent signs, mixed capitals and the like.
    padded, trailing, units_row, gzip, commented : float
        How likely cells have blanks around them, lines end in a separator, units stand below the names,
        the file is compressed, the line with the names begins with "# ".
    """

    name: str
    weight: float
    language: Language
    separators: Mapping[str, float] = field(default_factory=lambda: {",": 1.0})
    encodings: Mapping[str, float] = field(default_factory=lambda: {"utf-8": 1.0})
    line_ends: Mapping[str, float] = field(default_factory=lambda: {"\n": 1.0})
    quoting: Mapping[str, float] = field(default_factory=lambda: {"minimal": 1.0})
    decimal: str = "."
    thousands: Mapping[str, float] = field(default_factory=lambda: {"": 1.0})
    gaps: Mapping[str, float] = field(default_factory=lambda: EMPTY_GAPS)
    dates: Mapping[str, float] = field(default_factory=lambda: ISO_DATES | ISO_TIMES)
    index: Mapping[str, float] = field(default_factory=lambda: {"none": 8.0, "rising": 1.0, "key": 1.0})
    above: Mapping[str, float] = field(default_factory=lambda: {"none": 1.0})
    below: Mapping[str, float] = field(default_factory=lambda: {"none": 1.0})
    suffixes: Mapping[str, float] = field(default_factory=lambda: {".csv": 1.0})
    numbers: Mapping[str, float] = field(default_factory=lambda: {"": 1.0})
    by_hand: float = 0.0
    padded: float = 0.0
    trailing: float = 0.0
    units_row: float = 0.0
    gzip: float = 0.0
    commented: float = 0.0


WINDOWS = {"\r\n": 1.0}
BY_A_PERSON = {"none": 20.0, "title": 1.0, "title, blank": 2.0, "title in cells": 1.0}
BELOW_A_PERSONS = {"none": 20.0, "blank": 2.0, "source": 1.0, "blank, source": 1.0, "total": 0.5, "blank cells": 1.0}

PROGRAMS = (
    Program(
        "Excel, English", 14.0, ENGLISH, encodings={"utf-8": 3.0, "mark utf-8": 3.0, "cp1252": 2.0},
        line_ends=WINDOWS, thousands={"": 4.0, ",": 2.0}, gaps=PEOPLES_GAPS,
        dates=MONTH_FIRST | DAY_FIRST | ISO_DATES | NAMED_MONTHS, by_hand=0.25, above=BY_A_PERSON,
        below=BELOW_A_PERSONS,
    ),
    Program(
        "Excel, German", 14.0, GERMAN, separators={";": 1.0},
        encodings={"cp1252": 3.0, "mark utf-8": 3.0, "utf-8": 1.0}, line_ends=WINDOWS, decimal=",",
        thousands={"": 4.0, ".": 3.0}, gaps=PEOPLES_GAPS, dates=DOTTED, by_hand=0.2,
        above=BY_A_PERSON | {"sep=": 2.0}, below=BELOW_A_PERSONS, trailing=0.03,
    ),
    Program(
        "Excel, Swiss", 4.0, SWISS, separators={";": 1.0}, encodings={"cp1252": 2.0, "mark utf-8": 2.0, "utf-8": 1.0},
        line_ends=WINDOWS, thousands={"": 1.0, "'": 2.0, "\N{RIGHT SINGLE QUOTATION MARK}": 1.0}, gaps=PEOPLES_GAPS,
        dates=DOTTED, by_hand=0.25, above=BY_A_PERSON, below=BELOW_A_PERSONS,
    ),
    Program(
        "Excel, French", 6.0, FRENCH, separators={";": 1.0},
        encodings={"cp1252": 3.0, "mark utf-8": 2.0, "utf-8": 1.0}, line_ends=WINDOWS, decimal=",",
        thousands={"": 3.0, NARROW: 1.0, NO_BREAK: 1.0, " ": 1.0}, gaps=PEOPLES_GAPS, dates=DAY_FIRST, by_hand=0.2,
        above=BY_A_PERSON | {"sep=": 1.0}, below=BELOW_A_PERSONS,
    ),
    Program(
        "Excel, Chinese", 10.0, CHINESE, encodings={"gbk": 3.0, "mark utf-8": 2.0, "utf-8": 1.0}, line_ends=WINDOWS,
        thousands={"": 4.0, ",": 1.0}, gaps=PEOPLES_GAPS, dates=CHINESE_DATES | ISO_DATES | ISO_TIMES,
        by_hand=0.25, above=BY_A_PERSON, below=BELOW_A_PERSONS,
    ),
    Program(
        "Excel, Japanese", 5.0, JAPANESE, encodings={"cp932": 3.0, "mark utf-8": 1.0, "utf-8": 1.0},
        line_ends=WINDOWS, thousands={"": 3.0, ",": 1.0}, gaps=PEOPLES_GAPS, dates=CHINESE_DATES | ISO_DATES,
        by_hand=0.2, above=BY_A_PERSON, below=BELOW_A_PERSONS,
    ),
    Program(
        "Excel, Russian", 2.0, RUSSIAN, separators={";": 1.0},
        encodings={"cp1251": 2.0, "mark utf-8": 1.0, "utf-8": 1.0}, line_ends=WINDOWS, decimal=",",
        thousands={"": 3.0, NO_BREAK: 1.0}, gaps=PEOPLES_GAPS, dates=DOTTED, by_hand=0.1,
    ),
    Program(
        "Excel, Polish", 2.0, POLISH, separators={";": 1.0},
        encodings={"cp1250": 1.0, "mark utf-8": 1.0, "utf-8": 1.0}, line_ends=WINDOWS, decimal=",",
        thousands={"": 3.0, NO_BREAK: 1.0}, gaps=PEOPLES_GAPS, dates=DOTTED, by_hand=0.1,
    ),
    Program(
        "Excel, Unicode text", 3.0, GERMAN, separators={"\t": 1.0},
        encodings={"mark utf-16-le": 3.0, "utf-16-le": 0.5}, line_ends=WINDOWS, decimal=",",
        thousands={"": 2.0, ".": 1.0}, gaps=PEOPLES_GAPS, dates=DOTTED, by_hand=0.1, suffixes={".txt": 1.0},
    ),
    Program(
        "LibreOffice", 5.0, GERMAN, separators={";": 2.0, ",": 1.0, "\t": 1.0},
        encodings={"utf-8": 5.0, "cp1252": 1.0, "utf-16-le": 0.3, "mark utf-16-le": 0.3},
        quoting={"minimal": 2.0, "words": 2.0, "all": 1.0}, decimal=",", gaps=PEOPLES_GAPS, dates=DOTTED | ISO_DATES,
        by_hand=0.15, below={"none": 8.0, "blank cells": 1.0},
    ),
    Program(
        "Google Sheets", 6.0, ENGLISH, line_ends=WINDOWS, thousands={"": 3.0, ",": 2.0}, gaps=PEOPLES_GAPS,
        dates=MONTH_FIRST | ISO_DATES | DAY_FIRST, by_hand=0.3, above=BY_A_PERSON,
        below={"none": 8.0, "blank cells": 1.0, "total": 0.5},
    ),
    Program(
        "Google Sheets, German", 2.0, GERMAN, line_ends=WINDOWS, decimal=",", gaps=PEOPLES_GAPS, dates=DOTTED,
        by_hand=0.2,
    ),
    Program(
        "pandas", 16.0, ENGLISH, separators={",": 12.0, ";": 1.0, "\t": 1.5, "|": 0.5},
        encodings={"utf-8": 10.0, "mark utf-8": 1.0, "cp1252": 0.3},
        quoting={"minimal": 8.0, "words": 1.0, "all": 1.0},
        gaps={"": 8.0, "NaN": 1.0, "nan": 0.7, "NA": 0.7, "NULL": 0.3},
        dates=ISO_DATES | ISO_TIMES | {"%Y-%m-%d %H:%M:%S.%f": 0.5},
        index={"none": 5.0, "unnamed": 4.0, "unnamed, filtered": 1.5, "unnamed, sorted": 1.5, "Unnamed: 0": 1.0,
            "index": 0.7, "key": 0.5, "time": 0.5},
        suffixes={".csv": 8.0, ".txt": 0.5, ".tsv": 0.3}, gzip=0.05, numbers={"float": 1.0},
    ),
    Program(
        "pandas, Chinese", 3.0, CHINESE, encodings={"utf-8": 2.0, "mark utf-8": 2.0, "gbk": 1.0, "gb18030": 0.5},
        dates=ISO_DATES | ISO_TIMES | CHINESE_DATES,
        index={"none": 3.0, "unnamed": 2.0, "unnamed, filtered": 1.0, "unnamed, sorted": 1.0},
        gaps={"": 5.0, "NaN": 1.0}, by_hand=0.1,
    ),
    Program(
        "pandas, decimal comma", 1.5, GERMAN, separators={";": 4.0, "\t": 1.0}, decimal=",", dates=ISO_DATES | DOTTED,
        index={"none": 3.0, "unnamed": 2.0, "unnamed, sorted": 1.0},
    ),
    Program(
        "R, write.csv", 5.0, ENGLISH, quoting={"words": 1.0}, gaps={"NA": 1.0}, dates=ISO_DATES | ISO_TIMES,
        index={"none": 3.0, "unnamed": 4.0, "unnamed, filtered": 1.0, "unnamed, sorted": 1.0, "unnamed, words": 1.0},
    ),
    Program(
        "R, write.csv2", 2.0, GERMAN, separators={";": 1.0}, quoting={"words": 1.0}, decimal=",", gaps={"NA": 1.0},
        index={"none": 2.0, "unnamed": 3.0, "unnamed, sorted": 1.0, "unnamed, words": 1.0},
    ),
    Program(
        "R, write.table", 4.0, ENGLISH, separators={" ": 3.0, "\t": 2.0, ",": 1.0},
        quoting={"words": 4.0, "none": 1.0}, gaps={"NA": 1.0},
        index={"none": 2.0, "without a name": 4.0, "without a name, words": 2.0, "without a name, sorted": 1.0},
        suffixes={".txt": 3.0, ".csv": 1.0, ".dat": 0.5},
    ),
    Program(
        "SAS", 2.0, ENGLISH, quoting={"minimal": 2.0, "all": 1.0}, gaps={"": 2.0, ".": 3.0},
        dates={"%d%b%Y": 2.0, "%d%b%Y:%H:%M:%S": 0.5, "%m/%d/%Y": 1.0}, line_ends={"\r\n": 1.0, "\n": 1.0},
        encodings={"utf-8": 2.0, "cp1252": 1.0}, numbers={"": 3.0, "no zero": 1.0},
    ),
    Program(
        "SPSS", 2.0, GERMAN, separators={";": 2.0, "\t": 1.0}, decimal=",", gaps={"": 3.0, "#NULL!": 1.0},
        encodings={"mark utf-8": 2.0, "cp1252": 1.0}, dates=DOTTED | {"%d-%b-%Y": 1.0}, line_ends=WINDOWS,
        numbers={"no zero": 2.0, "": 1.0},
    ),
    Program(
        "Stata", 1.0, ENGLISH, gaps={"": 1.0, ".": 1.0}, dates={"%d%b%Y": 1.0, "%d %b %Y": 0.5},
        quoting={"minimal": 1.0, "words": 1.0}, numbers={"no zero": 1.0, "": 1.0},
    ),
    Program(
        "SAP", 2.0, GERMAN, separators={";": 2.0, "\t": 2.0, "|": 0.5},
        encodings={"cp1252": 2.0, "utf-8": 1.0, "utf-16-le": 0.2}, line_ends=WINDOWS, decimal=",",
        thousands={".": 3.0, "": 1.0}, dates={"%d.%m.%Y": 1.0}, index={"none": 3.0, "id": 2.0, "key": 1.0},
        above={"none": 4.0, "title, blank": 1.0}, numbers={"minus behind": 2.0, "": 1.0}, padded=0.1,
    ),
    Program(
        "numpy.savetxt", 1.0, DEVICE, separators={" ": 2.0, ",": 2.0, "\t": 1.0}, quoting={"none": 1.0},
        numbers={"exponent": 2.0, "": 1.0}, gaps={"nan": 1.0}, index={"none": 1.0},
        above={"none": 2.0, "comments": 1.0}, commented=0.5, suffixes={".txt": 2.0, ".dat": 1.0, ".csv": 1.0},
    ),
    Program(
        "SQL", 6.0, ENGLISH, separators={",": 5.0, "|": 1.0, "\t": 2.0, ";": 1.0},
        quoting={"minimal": 3.0, "all": 1.0, "words": 1.0}, gaps={"": 3.0, "NULL": 4.0, "\\N": 0.7, "null": 1.0},
        dates=ISO_DATES | ISO_TIMES | {"%Y-%m-%d %H:%M:%S.%f": 1.5, "%Y-%m-%dT%H:%M:%SZ": 0.7},
        index={"none": 4.0, "id": 4.0, "key": 1.0}, below={"none": 12.0, "rows affected": 1.0}, gzip=0.05,
    ),
    Program(
        "bank statement", 4.0, GERMAN, separators={";": 1.0},
        encodings={"cp1252": 2.0, "utf-8": 1.0, "mark utf-8": 1.0}, line_ends=WINDOWS,
        quoting={"minimal": 1.0, "all": 2.0}, decimal=",", thousands={".": 2.0, "": 1.0},
        dates={"%d.%m.%Y": 2.0, "%d.%m.%y": 1.0}, above={"none": 1.0, "account": 4.0, "title, blank": 1.0},
        below={"none": 3.0, "total": 1.0, "blank, source": 1.0}, trailing=0.15, by_hand=0.1,
    ),
    Program(
        "bank statement, English", 2.0, ENGLISH, quoting={"minimal": 1.0, "all": 2.0}, thousands={",": 2.0, "": 1.0},
        dates=MONTH_FIRST | DAY_FIRST, line_ends=WINDOWS, above={"none": 1.0, "account": 3.0, "title, blank": 1.0},
        below={"none": 3.0, "total": 1.0, "blank, source": 1.0}, by_hand=0.2,
    ),
    Program(
        "measuring device", 8.0, DEVICE, separators={",": 2.0, ";": 2.0, "\t": 4.0},
        encodings={"utf-8": 3.0, "cp1252": 2.0}, line_ends={"\r\n": 2.0, "\n": 1.0}, quoting={"none": 1.0},
        gaps={"": 3.0, "NaN": 1.0, "---": 0.3, "nan": 0.5},
        dates=ISO_TIMES | {"%d.%m.%Y %H:%M:%S": 1.0, "%Y-%m-%d %H:%M:%S.%f": 1.0},
        index={"none": 4.0, "rising": 2.0, "time": 1.0},
        above={"none": 6.0, "comments": 2.0, "title": 0.5, "title, blank": 0.5},
        below={"none": 8.0, "comment": 0.5, "blank": 1.0}, padded=0.2, trailing=0.15, units_row=0.2,
        suffixes={".csv": 3.0, ".txt": 1.0, ".dat": 0.5},
    ),
    Program(
        "measuring device, German", 4.0, replace(DEVICE, names=GERMAN.names), separators={";": 3.0, "\t": 2.0},
        encodings={"cp1252": 3.0, "utf-8": 2.0}, line_ends=WINDOWS, quoting={"none": 1.0}, decimal=",",
        gaps={"": 3.0, "NaN": 0.5, "-": 0.5}, dates=DOTTED, index={"none": 4.0, "rising": 2.0},
        above={"none": 6.0, "comments": 1.0, "title, blank": 0.5}, below={"none": 8.0, "blank": 1.0}, padded=0.2,
        trailing=0.25, units_row=0.25,
    ),
    Program(
        "web site", 4.0, ENGLISH, quoting={"all": 2.0, "minimal": 1.0, "words": 1.0}, thousands={"": 2.0, ",": 1.0},
        gaps=PEOPLES_GAPS | {"None": 0.5, "null": 1.0},
        dates=ISO_DATES | ISO_TIMES | {"%Y-%m-%dT%H:%M:%SZ": 1.0} | NAMED_MONTHS | SCRIPTS,
        index={"none": 3.0, "id": 2.0, "key": 1.0}, by_hand=0.35, line_ends={"\n": 2.0, "\r\n": 1.0, "\r": 0.1},
        gzip=0.02,
    ),
)  # fmt: skip
