"""Text that went through a wrong encoding is told, and no name of anybody is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.exchange.code_page_conversion import DOUBLE_BYTE, page_bytes, page_text
from bulkps.exchange.damaged_text import Mark, damage

#: Names as people have them, and what else stands in such a cell.
NAMES = """
Łukasz Żółć|Ñandú Ibáñez|漢字 太郎|Øystein Ærø|Weiß Straße|O'Brien|O’Brien|D´Angelo|Zoë Noël|ﷺ
Jürgen Müller-Lüdenscheid|Þórdís Ýmisdóttir|Guðrún Æsa|Søren Kierkegård|Åsa Öberg|Éric Dupré
François Lefèvre|Hélène Garçon|Anaïs Oë|Œuvre Sœur|Jiří Šťastný|Dvořák Žižka|Ľubomír Ďuriš
Kőszegi Györgyné|Erdős Ödön|İbrahim Yılmaz|Şahin Doğan Öztürk|Çağrı|Nguyễn Thị Ánh|Đặng Văn Ân|Trần Đức
Иван Петров|Ёлкин Её|Мюллер Юлия|Їжак Єва Ґанок|Љиљана Њежић|Ђорђе|Рі Чхун Хі|Γιώργος Παπαδόπουλος
Ελένη Ωνάση|שלום עולם|משה כהן-לוי|محمد علي|فاطمة الزهراء|علی‌رضا|سارا‌بانو|山田 太郎|王小明|歐陽鋒
김철수|ﾔﾏﾀﾞ ﾀﾛｳ|スミス・ジョン|สมชาย ใจดี|मोहन दास|മോഹന്‍|தமிழ்|ქეთევან|Հայկ|አበበ|ᏣᎳᎩ|Māris Ķēniņš
Šķēle Āboliņa|Žemaitė Ąžuolas|Õnne Ööbik|Kristjan Järvi|Čapek|Ćosić|Dragoş Ţuţea|Ștefan Țară|Björk®
Café™ Nord|CAFÉ’S|RENÉ–PAUL|“Le Café”|„Haus“ GmbH|Ann “Annie” Beebe|Ann“Annie”Beebe|«Équipe» Lyon
¡Ana! ¿Qué?|JOÃO GUIMARÃES|SÃO PAULO|MÜLLER|ÍŽEK|ČÍŽEK|GĂŞTEANU|ŽŠČ|ÄÖÜ|ÉÉN|Mª José|Nº 5|1º A|N°5|100 m²
A×B|Dolce×Gabbana|Zoë 👩‍👩‍👧 Öz|🎉|😀 Ann|🏴󠁧󠁢󠁥󠁮󠁧󠁿 Team|Σ Team|λ-Calculus|Nord→Süd|LINE株式会社
株式会社ABC|ПрофиMax|T恤|§ 5 Recht|Ann · Bo|Sant Cel·loni|Anne-Åse|Hüsker Dü|Mötley Crüe|Ærø|Ø|ß|Ÿ|Ÿuan
L’Haÿ-les-Roses|Ñ|Ǆ|Ærlig Øl|Ásgeirr|Éowyn|McÁlister Ó Séaghdha|Beyoncé|Renée Zellweger|Sinéad O’Connor
Nuño|Peña|Muñiz|Ibañez|Güemes|Agüero|Señor|Niño|Año Nuevo|Lluís Companys i Jover
""".replace("\n", "|").split("|")
LEGITIMATE = [name for name in NAMES if name]
#: Names whose letters pages have: what becomes of them in another page must be told, or be a name.
OF_PAGES = [
    "Jürgen Müller",
    "Björn Olsson",
    "José Núñez",
    "Łukasz Żółć",
    "Jiří Šťastný",
    "Иван Петров",
    "Σωκράτης",
    "Şahin",
]


@pytest.mark.parametrize("name", LEGITIMATE)
def test_no_name_of_anybody_is_held_for_damaged(name: str) -> None:
    found = damage(name)

    assert found is None, found and found.sentence


@given(
    st.one_of(
        *[
            st.text(
                alphabet=st.characters(min_codepoint=low, max_codepoint=high, categories=["Lu", "Ll", "Lo"]),
                min_size=1,
                max_size=8,
            )
            for low, high in (
                (0x41, 0x7A), (0x5D0, 0x5EA), (0x620, 0x64A), (0x905, 0x939), (0xE01, 0xE2E),
                (0x3041, 0x30FA),
                (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0x10D0, 0x10F0), (0x561, 0x586),
            )
        ]
    )
)  # fmt: skip
def test_words_in_one_script_are_never_refused(word: str) -> None:
    assert damage(word) is None


@given(st.from_regex(r"\A[A-ZÄÖÜÉÅØÑČŠŽŁŚ][a-zäöüéèåøñçčšžłśąęıő]{0,2}[a-z]{1,8}\Z", fullmatch=True))
def test_a_capital_and_small_letters_are_never_refused(word: str) -> None:
    found = damage(word)

    assert found is None or found.mark < Mark.GARBLED or _all_accents(word)


def _all_accents(word: str) -> bool:
    return not any(letter.isascii() for letter in word)


@pytest.mark.parametrize("name", OF_PAGES)
@pytest.mark.parametrize("page", ["cp1252", "cp1250", "cp1251", "cp850", "cp437", "mac-roman"])
def test_utf8_that_was_read_in_a_page_is_refused_with_what_it_said(name: str, page: str) -> None:
    garbled = page_text(name.encode("utf-8"), page)

    found = damage(garbled)

    assert found is not None
    assert found.mark is Mark.GARBLED, garbled
    assert found.readings[0][1] == name


@pytest.mark.parametrize("name", ["Jürgen Müller", "山田 太郎"])
def test_what_was_read_wrongly_twice_is_told_with_what_it_said_first(name: str) -> None:
    twice = page_text(page_text(name.encode("utf-8"), "cp1252").encode("utf-8"), "cp1252")

    assert damage(twice).readings[0] == ("UTF-8 read as cp1252, 2 times over", name)  # type: ignore[union-attr]


#: Of every name in every page, read in every page that text is read in by mistake: what might be a name, too.
CANNOT_BE_TOLD = {
    ("mac-roman", "cp1250", "Jźrgen Mźller"),
    ("mac-roman", "cp850", "Jƒrgen Mƒller"),
    ("mac-roman", "cp437", "Jƒrgen Mƒller"),
    ("cp850", "mac-roman", "Bjîrn Olsson"),
    ("cp437", "mac-roman", "Bjîrn Olsson"),
    ("cp852", "mac-roman", "Bjîrn Olsson"),
    ("mac-roman", "cp1252", "Bjšrn Olsson"),
    ("mac-roman", "cp1250", "Bjšrn Olsson"),
    ("cp1252", "cp1250", "José Núńez"),
    ("cp1250", "cp1251", "Јukasz Їуіж"),
    ("cp852", "cp1250", "Jiýˇ ćśastně"),
    ("cp1251", "cp1250", "Čâŕí Ďĺňđîâ"),
}


def test_a_page_read_as_another_is_told_unless_a_name_could_be_so() -> None:
    pages = ("cp1252", "cp1250", "cp1251", "cp850", "cp437", "mac-roman")
    read = [
        (right, wrong, name, page_text(whole, wrong))
        for name in OF_PAGES
        for right in (*pages, "cp852", "cp866")
        for wrong in pages
        if (whole := page_bytes(name, right)) is not None
    ]
    garbled = [(right, wrong, text) for right, wrong, name, text in read if text != name]

    assert len(garbled) > 100
    assert {one for one in garbled if damage(one[2]) is None} == CANNOT_BE_TOLD


@pytest.mark.parametrize(
    ("garbled", "name", "how"),
    [
        ("M\u0081ller", "Müller", "cp850 read as cp1252"),
        ("Bj”rn", "Björn", "cp850 read as cp1252"),
        ("£ukasz ¯ó³æ", "Łukasz Żółć", "cp1250 read as cp1252"),
        ("Jiøí Š\u009dastný", "Jiří Šťastný", "cp1250 read as cp1252"),
        ("Èâàí Ïåòðîâ", "Иван Петров", "cp1251 read as cp1252"),
        ("Mьller", "Müller", "cp1252 read as cp1251"),
        ("ùìåí", "שלום", "cp1255 read as cp1252"),
        ("Micha³", "Michał", "cp1250 read as cp1252"),
        ("Dupr‚", "Dupré", "cp850 read as cp1252"),
    ],
)
def test_what_a_wrong_page_made_of_a_name_is_told_with_the_name(garbled: str, name: str, how: str) -> None:
    found = damage(garbled)

    assert found is not None
    assert found.readings[0] == (how, name)


@pytest.mark.parametrize("garbled", ["J\ufffdrgen", "Jï¿½rgen", "J锟斤拷rgen"])
def test_a_letter_that_is_lost_is_told(garbled: str) -> None:
    assert damage(garbled).mark is Mark.LOST  # type: ignore[union-attr]


@pytest.mark.parametrize("garbled", ["MÂller", "JÃrgen", "M├╝ller", "M┬╝ller", "M眉ller", "M√ºller"])
def test_what_no_writing_has_inside_a_word_is_refused(garbled: str) -> None:
    assert damage(garbled).mark is Mark.GARBLED  # type: ignore[union-attr]


@pytest.mark.parametrize("page", DOUBLE_BYTE)
def test_bytes_that_a_page_does_not_have_are_replaced_and_never_raise(page: str) -> None:
    assert "\ufffd" in page_text(b"Ren\xe9", page)
