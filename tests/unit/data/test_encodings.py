"""Bytes that are not UTF-8: what shows itself is read, what can be guessed is proposed, and no guess takes any byte."""

import subprocess
import sys

import pytest

from clearprop.data.encodings import likely_encodings, wide_encoding
from clearprop.data.tables import read_table
from clearprop.errors import DataError

TEXTS = {
    ("shift_jis", "euc_jp"): (
        "名前,年齢\n田中,31\n鈴木,45\n",
        "商品,価格\nりんご,100\nみかん,200\nバナナ,150\n",
        "店名,所在地,備考\nカフェ ソレイユ,神奈川県横浜市,駅前。駐車場あり\nスーパー丸山,大阪府堺市,年中無休\n",
    ),
    ("gbk", "gb18030"): (
        "a,b\n1,类别\n",
        "姓名,城市\n张伟,北京\n李娜,上海\n",
        "a,b\n猫,1\n狗,2\n",
        "客户投诉内容,结果\n快递太慢，包装破损,退款\n质量很好,满意\n",
    ),
    ("big5",): ("姓名,城市\n陳小明,臺北市\n林美玲,高雄市\n", "類別,價格\n水果,10\n蔬菜,20\n"),
    ("euc_kr",): ("이름,나이\n김철수,31\n이영희,45\n", "지역,가격\n서울,100\n부산,200\n", "a,b\n예,1\n아니오,2\n"),
    ("cp1251", "koi8-r", "cp866", "iso8859-5"): (
        "имя,возраст\nИван,31\nОльга,45\n",
        "a,b\nда,1\nнет,2\n",
        "Товар,Цена\nМОЛОКО,1\nХЛЕБ,2\n",
        "отзыв,оценка\nОчень хороший товар,5\n",
    ),
    ("cp1250", "iso8859-2"): ("imię,miasto\nŁukasz,Łódź\nZofia,Kraków\n", "jméno,město\nJiří,Plzeň\nTomáš,Žďár\n"),
    ("cp1252", "latin-1"): (
        "Größe,Straße\n1,Königsallee\n2,Münchner Str.\n",
        "a,b\nMüller,1\nSchmidt,2\n",
        "prénom,âge\nHélène,31\nFrançois,45\n",
        "a,b\n1,café\n",
        "año,niño\n2001,sí\n",
        "temp °C,y\n1,2\n",
        "x µg/m³,y\n1,2\n",
    ),
    ("mac_roman", "cp850"): ("Größe,Straße\n1,Königsallee\n2,Münchner Str.\n", "prénom,âge\nHélène,31\n"),
    ("cp1253",): ("όνομα,πόλη\nΓιώργος,Αθήνα\n",),
    ("cp1254",): ("isim,şehir\nAyşe,İstanbul\nOğuz,Eskişehir\n",),
}
CASES = [(encoding, text) for encodings, texts in TEXTS.items() for encoding in encodings for text in texts]


def file_of(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("encoding", "text"), CASES)
def test_the_first_proposal_gives_the_text_back(encoding, text):
    content = text.encode(encoding)
    sample = b"".join(line for line in content.splitlines(keepends=True) if not line.isascii())
    guesses = likely_encodings(sample, lambda guess: True)
    assert content.decode(guesses[0][0]) == text, guesses


@pytest.mark.parametrize(("encoding", "text"), CASES[::5])
def test_the_proposal_is_named_with_what_it_reads_and_works(encoding, text, tmp_path):
    path = file_of(tmp_path, text.encode(encoding))
    with pytest.raises(
        DataError, match=r"t\.csv:\d: byte 0x[0-9A-F]{2} is not UTF-8 text; .*perhaps encoding='"
    ) as caught:
        read_table(path)
    proposed = str(caught.value).split("encoding='")[1].split("'")[0]
    assert f"(--encoding {proposed}), which reads '" in str(caught.value)
    table = read_table(path, encoding=proposed)
    assert [*table.names] == text.split("\n")[0].split(",")


def test_many_lines_of_each_language():
    """Most files hold more than a few words; then the proposal is right, and charset-normalizer is heard."""
    for encodings, texts in TEXTS.items():
        text = "".join(texts) * 20
        for encoding in encodings:
            guesses = likely_encodings(text.encode(encoding), lambda guess: True)
            assert text.encode(encoding).decode(guesses[0][0]) == text, (encoding, guesses)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["a,b\n1,2\n3,4\n", "名前;年齢\r\n田中;31\r\n", "a\tб\n1\tда\n"])
def test_wide_encodings_are_read_and_said(encoding, text, tmp_path):
    table = read_table(file_of(tmp_path, text.encode(encoding)))
    lines = text.replace(";", ",").replace("\t", ",").split()
    assert [*table.names] == lines[0].split(",")
    assert [cells.tolist()[0] for cells in map(table.text, table.names)] == lines[1].split(",")
    assert f"the file is in {encoding.upper()}" in table.notes[0]


def test_wide_json_lines(tmp_path):
    for encoding in ("utf-16", "utf-16-be"):
        table = read_table(file_of(tmp_path, '{"é": 1}\n{"é": 2}\n'.encode(encoding)))
        assert table.names == ("é",) and table.text("é").tolist() == ["1", "2"]


def test_zero_bytes_alone_are_no_wide_encoding():
    for content in (b"a,b\n1,2\n1,x\x00y\n", b"\x00" * 64, b"a,b\n" + bytes(range(256))):
        assert wide_encoding(content) is None


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1,\xff\n", b"a,b\n1,a\xa4b\xa6c\xa8d\xacx\n", b"a,b\n" + bytes(range(255, 127, -1)) * 2 + b",1\n"],
)
def test_where_nothing_is_plausible_nothing_is_proposed(content, tmp_path):
    with pytest.raises(DataError, match="nor is the file plausible text in another known encoding; ask who made it"):
        read_table(file_of(tmp_path, content))


def test_one_damaged_line_in_utf8(tmp_path):
    content = "城市,y\n北京,1\n上海,2\n".encode() + b"caf\xe9,3\n"
    with pytest.raises(DataError, match=r"t\.csv:4: byte 0xE9 is not UTF-8 text, as the other lines are; correct this"):
        read_table(file_of(tmp_path, content))


def test_a_wrong_encoding_named_for_utf8(tmp_path):
    path = file_of(tmp_path, "a,b\nżółw,2\n".encode())
    with pytest.raises(DataError, match="but all of the file is UTF-8; leave encoding out"):
        read_table(path, encoding="ascii")


def test_the_detector_is_imported_when_it_is_needed_only():
    program = "import sys, clearprop; assert not {'charset_normalizer', 'python_calamine'} & set(sys.modules)"
    path = [path for path in sys.path if path]
    subprocess.run([sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {program}"], check=True)
