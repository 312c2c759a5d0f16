"""Which encoding a text file has, by its bytes: UTF-8, UTF-16 and UTF-32 show themselves, others can be guessed only.

A guess is a proposal in an error message, never a way to read: a reader that takes one encoding for another makes
other words of the same bytes, and nobody notices. It is made from the rows with letters beyond ASCII: each encoding
that decodes all of them is judged by how usual its letters would be, and where two are about as good, by
charset-normalizer.
"""

import codecs
import math
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

_MARKS = (  # those of UTF-32 begin like those of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNMARKED = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_NEAR = 4.0  # so many nats apart, two guesses are about as good
_ENOUGH = 100  # so many bytes beyond ASCII are enough for charset-normalizer
_IMPLAUSIBLE = -6.5  # nats for each byte, below which a text is none


def wide_encoding(start: bytes) -> str | None:
    """The encoding of text that spends two or four bytes on each letter, if its first bytes show it.

    Either it begins with a mark, or zero bytes stand where such an encoding has them, and nowhere else.

    >>> wide_encoding("a,b\\n1,2\\n".encode("utf-16-le")), wide_encoding(b"a,b\\n1,2\\n")
    ('utf-16-le', None)
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if b"\0" not in start:
        return None
    whole = start[: len(start) // 4 * 4] if len(start) >= 1 << 12 else start
    for encoding in _UNMARKED:
        try:
            text = whole.decode(encoding)
        except UnicodeDecodeError:
            continue
        if ("\n" in text or "\r" in text) and all(
            c in "\r\n\t" or unicodedata.category(c) not in _NO_TEXT for c in text
        ):
            return encoding
    return None


_NO_TEXT = ("Cc", "Cn", "Co", "Cs")


# ------------------------------------------------------------------------------------------- how usual letters are

_HANS = (
    "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天而能好都然没日于起还"
    "发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知名称类别姓性龄男女城市省区县价格单数量额总计编号码日期月"
    "时间地址电话备注否是产品销售收入状态等级北京上海广州深圳杭武汉成都西安南天津重庆类型项目客户订单部门工资分高低中金融水果蔬菜东猫狗"
    "红黄蓝绿白黑春夏秋冬买卖新旧张王李赵刘陈杨"
)
_HANT = (
    "的一是不了在人有我他這中大來上個國到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可裡後小麼心多天而能好都然沒日於起還"
    "發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長知名稱類別姓性齡男女城市省區縣價格單數量額總計編號碼日期月"
    "時間地址電話備註否產品銷售收入狀態等級臺台北高雄中南香港九龍新竹類型項目客戶訂部門工資分低金融水果蔬菜東貓狗紅黃藍綠白黑春夏秋冬"
    "買賣舊張王李趙劉陳楊"
)
_KANJI = (
    "日一国人年大十二本中長出三時行見月後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男西電校語土木聞食車"
    "何南万毎白天母火右読友左休父雨県市区町村都府道京阪神奈東愛知福岡札幌横浜田中佐藤鈴木性別年齢氏名住所番号価格値段数量合計商品種類"
    "品売上単位会社員社部門担当備考日付時刻曜電話口分率率平均高低型色赤青黒白緑犬猫花春夏秋冬晴曇雪温度重量"
)
_HANGUL = (
    "이다는을가의에고하지한은기로를도사나자대시서일어인리그아정해보수있장라전면부스원구조주동만제여상관성과적우유서울산경남북광인천대구부"
    "명름별나이성남여격수량합계종류가격날짜도시번호주소전화비고값분단위회사원김박최강윤임오신권황안송홍양손배백허심노하곽성차우진민류빨"
    "파노초록검흰봄여름가을겨울개고양맑흐림비눈등급매출상품예아니요"
)
_KANA = (
    "のにはをたがでてとしれさいるなもらりこまかすあっきくけせそちつねへほみめやゆよろわんアイウエオカキクケコサシスセソタチツテトナニネノハヒフヘ"
    "ホマミムメモヤユヨラリルレロワンガギグゲゴザジズゼダデドバビブベボパピプペポッャュョー"
)
_ASIAN_SIGNS = "、。，！？：；（）「」『』【】《》“”‘’・〜％＋－＝／…—·℃°　￥＄￡０１２３４５６７８９．"
_ACCENTS = {  # by language, lower case
    "cp1252": ("éèàêçâîôùûëïœ", "üäößé", "óíáéñúü¿¡", "ãçáéíóêúâõôà", "äöåøæéü", "éèëïö", "àèéìòù"),
    "cp1250": ("łóążęśćńź", "íáěéýčšžřůúťďňôľĺ", "áéöóíüőúű", "čšžćđ", "ăâîșțşţ"),
    "cp1254": ("ıüşöçğİâî",),
}
_CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёієїґОЕАИНТСРВЛКМДПУЯЫЬГЗБЧЙХЖШЮЦЩЭФЪЁІЄЇҐ№"
_GREEK = "αοιετσνηυρπκμλςωγδχθφβξζψάέήίόύώΑΟΙΕΤΣΝΗΥΡΠΚΜΛΩΓΔΧΘΦΒΞΖΨΆΈΉΊΌΎΏ"
_HEBREW = "יהולארתבשמנעדקחפגטכסזצםןךףץ"
_ARABIC = "المينرتبدعهسوفكقحجشطصخضذزثظغةىئءؤإأآ،؟"
_THAI = "".join(map(chr, range(0xE01, 0xE3B))) + "".join(map(chr, range(0xE40, 0xE4F)))
_SIGNS = "°€³²µ’“”–£«»½§®©±×·„…—‘№\u00a0"


@dataclass(frozen=True)
class _Script:
    """What text in an encoding usually holds.

    Attributes
    ----------
    encodings : tuple of str
        Those that read such text alike, the plainest first.
    usual : str
        The letters that make up most of it, frequent ones first.
    rare : float
        How much rarer files in this encoding are than in the commonest: a factor below 1.
    others : callable
        Whether another letter, in the bytes that it has, is of the script too.
    kind : str
        ``"accents"`` beside ASCII letters, an ``"alphabet"`` of its own, or ``"signs"``, thousands of them.
    """

    encodings: tuple[str, ...]
    usual: str
    rare: float = 1.0
    others: Callable[[str, bytes], bool] = lambda letter, written: False
    kind: Literal["accents", "alphabet", "signs"] = "accents"

    def chances(self) -> dict[str, float]:
        """Letter -> how often it occurs among those beyond ASCII."""
        order = list(dict.fromkeys(self.usual))
        most, flat, signs = (0.6, 60, _ASIAN_SIGNS) if self.kind == "signs" else (0.75, 5, _SIGNS)
        total = sum(1 / (rank + flat) for rank in range(len(order)))
        weights = {letter: most / (rank + flat) / total for rank, letter in enumerate(order)}
        return {sign: 0.2 / (rank + 5) for rank, sign in enumerate(signs)} | weights


def _row(first: int, last: int) -> Callable[[str, bytes], bool]:
    """Letters whose first of two bytes lies in this range: the encoding's own list of common ones."""
    return lambda letter, written: len(written) == 2 and first <= written[0] <= last


def _simplified(letter: str, written: bytes) -> bool:
    return 0xB0 <= written[0] <= 0xD7 and written[-1] >= 0xA1


_SCRIPTS = (
    _Script(("shift_jis", "cp932"), _KANA + _KANJI, 1.0, _row(0x88, 0x97), "signs"),
    _Script(("euc_jp",), _KANA + _KANJI, 0.3, _row(0xB0, 0xCF), "signs"),
    _Script(("gbk", "gb18030"), _HANS, 1.0, _simplified, "signs"),
    _Script(("big5", "big5hkscs", "cp950"), _HANT, 0.5, _row(0xA4, 0xC6), "signs"),
    _Script(("euc_kr", "cp949"), _HANGUL, 0.5, _row(0xB0, 0xC8), "signs"),
    *(
        _Script((name,), letters + letters.upper(), rare)
        for name, like, rare in (
            *(("cp1252", "cp1252", 1.0), ("mac_roman", "cp1252", 0.03), ("cp850", "cp1252", 0.03)),
            *(("cp1250", "cp1250", 0.1), ("iso8859-2", "cp1250", 0.05), ("cp852", "cp1250", 0.02)),
            ("cp1254", "cp1254", 0.05),
        )
        for letters in (*_ACCENTS[like], "".join(_ACCENTS[like]))  # one language, or several
    ),
    *(
        _Script((name,), _CYRILLIC, rare, kind="alphabet")
        for name, rare in (
            ("cp1251", 0.7),
            ("koi8-r", 0.1),
            ("cp866", 0.05),
            ("iso8859-5", 0.02),
            ("mac_cyrillic", 0.02),
        )
    ),
    _Script(("cp1253",), _GREEK, 0.03, kind="alphabet"),
    _Script(("cp1255",), _HEBREW, 0.005, kind="alphabet"),
    _Script(("cp1256",), _ARABIC, 0.02, kind="alphabet"),
    _Script(("cp874",), _THAI, 0.02, kind="alphabet"),
)


_COMMONEST = [script for script in _SCRIPTS if script.kind != "alphabet" and script.rare == 1.0]


def _likelihood(text: str, encoding: str, script: _Script) -> float:
    """How usual the letters beyond ASCII are: the logarithm of a probability."""
    chances = script.chances()
    total = math.log(script.rare)
    if script not in _COMMONEST and not any(letter > "\x7f" and letter.isalpha() for letter in text):
        total += math.log(0.001)  # signs alone show no alphabet
    for before, letter, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        if letter > "\x7f":
            chance = chances.get(letter, 0.0)
            if not chance:
                common = script.kind == "signs" and script.others(letter, letter.encode(encoding))
                chance = 0.25 / 3000 if common else 0.01 / 64 if "｡" <= letter <= "ﾟ" else 1e-6
            if letter.isupper() and (before.islower() or (before.isupper() and after.islower())):
                chance *= 0.02  # a capital inside a word
            elif letter.isupper() and before > "\x7f" and before.isupper():
                chance *= 0.3
            if not letter.isalpha() and before.isalpha() and after.isalpha() and letter not in "’·":
                chance *= 0.02  # a sign inside a word
            if script.kind == "alphabet" and letter.isalpha() and not (before.isalpha() or after.isalpha()):
                chance *= 0.001  # a word of one letter
            beside_words = (before.isalpha() or after.isalpha()) and not (before.isdigit() or after.isdigit())
            if script.kind == "accents" and letter.isalpha() and not beside_words:
                chance *= 0.02  # a letter alone or at a number, where a currency or a blank may stand
            if script.kind == "accents" and letter.isalpha() and before > "\x7f" and before.isalpha():
                chance *= 0.1  # two accents side by side
            total += math.log(chance)
        if script.kind != "accents" and letter.isalpha() and before.isalpha():
            total += math.log(0.03) * ((letter > "\x7f") != (before > "\x7f"))  # two scripts in a word
    return total


# ------------------------------------------------------------------------------------------------------- guesses


def likely_encodings(sample: bytes, decodes: Callable[[str], bool]) -> list[tuple[str, str]]:
    """The encodings that the bytes may be in, the likeliest first, and what each makes of their first words.

    Parameters
    ----------
    sample : bytes
        Lines with bytes beyond ASCII.
    decodes : callable
        Whether an encoding decodes the whole file.
    """
    high = sum(byte > 0x7F for byte in sample) or 1
    found: list[tuple[float, str, str]] = []
    for script in _SCRIPTS:
        for encoding in script.encodings:
            try:
                text = sample.decode(encoding)
            except UnicodeDecodeError:
                continue
            score = _likelihood(text, encoding, script)
            if score > _IMPLAUSIBLE * high and not any(
                unicodedata.category(c) in _NO_TEXT and c not in "\r\n\t" for c in text
            ):
                found.append((score, encoding, text))
                break
    found.sort(key=lambda guess: -guess[0])
    found = [guess for guess in found[:6] if decodes(guess[1])]
    if not found:
        return []
    best = found[0][0]
    near = [guess for guess in found if guess[0] > best - _NEAR]
    different = list({text: (encoding, text) for _, encoding, text in reversed(near)}.values())[::-1]
    if len(different) > 1 and high >= _ENOUGH:
        order = _normalizer_order(sample, [encoding for encoding, _ in different])
        different.sort(key=lambda guess: order.get(guess[0], len(order)))
    return [(encoding, _first_words(text)) for encoding, text in different]


def _normalizer_order(sample: bytes, encodings: Iterable[str]) -> dict[str, int]:
    """What charset-normalizer makes of it."""
    from charset_normalizer import from_bytes

    known = {codecs.lookup(encoding).name: encoding for encoding in encodings}
    matches = from_bytes(sample, cp_isolation=list(encodings))
    order: dict[str, int] = {}
    for match in matches:
        for name in (match.encoding, *match.could_be_from_charset):
            encoding = known.get(codecs.lookup(name).name)
            if encoding is not None:
                order.setdefault(encoding, len(order))
    return order


def _first_words(text: str) -> str:
    """The cell with the first letter beyond ASCII."""
    place = next(i for i, letter in enumerate(text) if letter > "\x7f")
    edges = ',;\t|\r\n"'
    start = max(text.rfind(edge, 0, place) for edge in edges) + 1
    end = min((found for edge in edges if (found := text.find(edge, place)) >= 0), default=len(text))
    return text[start:end].strip()[:20]
