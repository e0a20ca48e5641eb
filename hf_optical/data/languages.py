"""Language codes: ISO 639-1 where a language has one, ISO 639-3 where it has not."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from .errors import DataError, near
from .iso639_3 import three_letter_codes


class Language(NamedTuple):
    """One language: its code, its three-letter code, and its name in English and in itself."""

    code: str
    three: str
    english: str
    native: str


# code three-letter-code English name/own name (own name left out where it is the same), separated by ";".
_TABLE = """
aa aar Afar/Qafar; ab abk Abkhazian/Аԥсуа; ae ave Avestan; af afr Afrikaans; ak aka Akan;
am amh Amharic/አማርኛ; an arg Aragonese/Aragonés; ar ara Arabic/العربية; as asm Assamese/অসমীয়া;
av ava Avaric/Авар; ay aym Aymara/Aymar aru; az aze Azerbaijani/Azərbaycanca; ba bak Bashkir/Башҡортса;
be bel Belarusian/Беларуская; bg bul Bulgarian/Български; bi bis Bislama; bm bam Bambara/Bamanankan;
bn ben Bengali/বাংলা; bo bod Tibetan/བོད་ཡིག; br bre Breton/Brezhoneg; bs bos Bosnian/Bosanski;
ca cat Catalan/Català; ce che Chechen/Нохчийн; ch cha Chamorro/Chamoru; co cos Corsican/Corsu;
cr cre Cree/ᓀᐦᐃᔭᐍᐏᐣ; cs ces Czech/Čeština; cu chu Church Slavic/Словѣньскъ; cv chv Chuvash/Чӑвашла;
cy cym Welsh/Cymraeg; da dan Danish/Dansk; de deu German/Deutsch; dv div Dhivehi/ދިވެހި;
dz dzo Dzongkha/རྫོང་ཁ; ee ewe Ewe/Eʋegbe; el ell Greek/Ελληνικά; en eng English; eo epo Esperanto;
es spa Spanish/Español; et est Estonian/Eesti; eu eus Basque/Euskara; fa fas Persian/فارسی;
ff ful Fulah/Fulfulde; fi fin Finnish/Suomi; fj fij Fijian/Vosa Vakaviti; fo fao Faroese/Føroyskt;
fr fra French/Français; fy fry Western Frisian/Frysk; ga gle Irish/Gaeilge; gd gla Scottish Gaelic/Gàidhlig;
gl glg Galician/Galego; gn grn Guarani/Avañe'ẽ; gu guj Gujarati/ગુજરાતી; gv glv Manx/Gaelg; ha hau Hausa;
he heb Hebrew/עברית; hi hin Hindi/हिन्दी; ho hmo Hiri Motu; hr hrv Croatian/Hrvatski;
ht hat Haitian Creole/Kreyòl ayisyen; hu hun Hungarian/Magyar; hy hye Armenian/Հայերեն;
hz her Herero/Otjiherero; ia ina Interlingua; id ind Indonesian/Bahasa Indonesia; ie ile Interlingue;
ig ibo Igbo; ii iii Sichuan Yi/ꆈꌠꉙ; ik ipk Inupiaq/Iñupiatun; io ido Ido; is isl Icelandic/Íslenska;
it ita Italian/Italiano; iu iku Inuktitut/ᐃᓄᒃᑎᑐᑦ; ja jpn Japanese/日本語; jv jav Javanese/Basa Jawa;
ka kat Georgian/ქართული; kg kon Kongo/Kikongo; ki kik Kikuyu/Gĩkũyũ; kj kua Kuanyama/Oshikwanyama;
kk kaz Kazakh/Қазақша; kl kal Greenlandic/Kalaallisut; km khm Khmer/ខ្មែរ; kn kan Kannada/ಕನ್ನಡ;
ko kor Korean/한국어; kr kau Kanuri; ks kas Kashmiri/کٲشُر; ku kur Kurdish/Kurdî; kv kom Komi/Коми;
kw cor Cornish/Kernewek; ky kir Kyrgyz/Кыргызча; la lat Latin/Latina; lb ltz Luxembourgish/Lëtzebuergesch;
lg lug Ganda/Luganda; li lim Limburgish/Limburgs; ln lin Lingala/Lingála; lo lao Lao/ລາວ;
lt lit Lithuanian/Lietuvių; lu lub Luba-Katanga/Kiluba; lv lav Latvian/Latviešu; mg mlg Malagasy;
mh mah Marshallese/Kajin M̧ajeļ; mi mri Maori/Te reo Māori; mk mkd Macedonian/Македонски;
ml mal Malayalam/മലയാളം; mn mon Mongolian/Монгол; mr mar Marathi/मराठी; ms msa Malay/Bahasa Melayu;
mt mlt Maltese/Malti; my mya Burmese/မြန်မာ; na nau Nauru/Dorerin Naoero;
nb nob Norwegian Bokmål/Norsk bokmål; nd nde North Ndebele/isiNdebele; ne nep Nepali/नेपाली;
ng ndo Ndonga/Oshindonga; nl nld Dutch/Nederlands; nn nno Norwegian Nynorsk/Norsk nynorsk;
no nor Norwegian/Norsk; nr nbl South Ndebele/isiNdebele; nv nav Navajo/Diné bizaad;
ny nya Chichewa/Chinyanja; oc oci Occitan; oj oji Ojibwa/ᐊᓂᔑᓈᐯᒧᐎᓐ; om orm Oromo/Afaan Oromoo;
or ori Odia/ଓଡ଼ିଆ; os oss Ossetian/Ирон; pa pan Punjabi/ਪੰਜਾਬੀ; pi pli Pali/पालि; pl pol Polish/Polski;
ps pus Pashto/پښتو; pt por Portuguese/Português; qu que Quechua/Runa simi; rm roh Romansh/Rumantsch;
rn run Rundi/Ikirundi; ro ron Romanian/Română; ru rus Russian/Русский; rw kin Kinyarwanda/Ikinyarwanda;
sa san Sanskrit/संस्कृतम्; sc srd Sardinian/Sardu; sd snd Sindhi/سنڌي; se sme Northern Sami/Davvisámegiella;
sg sag Sango/Sängö; sh hbs Serbo-Croatian/Srpskohrvatski; si sin Sinhala/සිංහල; sk slk Slovak/Slovenčina;
sl slv Slovenian/Slovenščina; sm smo Samoan/Gagana Sāmoa; sn sna Shona/chiShona; so som Somali/Soomaali;
sq sqi Albanian/Shqip; sr srp Serbian/Српски; ss ssw Swati/siSwati; st sot Southern Sotho/Sesotho;
su sun Sundanese/Basa Sunda; sv swe Swedish/Svenska; sw swa Swahili/Kiswahili; ta tam Tamil/தமிழ்;
te tel Telugu/తెలుగు; tg tgk Tajik/Тоҷикӣ; th tha Thai/ไทย; ti tir Tigrinya/ትግርኛ; tk tuk Turkmen/Türkmençe;
tl tgl Tagalog; tn tsn Tswana/Setswana; to ton Tonga/Lea faka-Tonga; tr tur Turkish/Türkçe;
ts tso Tsonga/Xitsonga; tt tat Tatar/Татарча; tw twi Twi; ty tah Tahitian/Reo Tahiti;
ug uig Uyghur/ئۇيغۇرچە; uk ukr Ukrainian/Українська; ur urd Urdu/اردو; uz uzb Uzbek/Oʻzbekcha;
ve ven Venda/Tshivenḓa; vi vie Vietnamese/Tiếng Việt; vo vol Volapük; wa wln Walloon/Walon; wo wol Wolof;
xh xho Xhosa/isiXhosa; yi yid Yiddish/ייִדיש; yo yor Yoruba/Yorùbá; za zha Zhuang/Vahcuengh;
zh zho Chinese/中文; zu zul Zulu/isiZulu; ace ace Acehnese/Bahsa Acèh; ach ach Acholi;
ast ast Asturian/Asturianu; awa awa Awadhi/अवधी; ban ban Balinese/Basa Bali; bbj bbj Ghomala/Ghomálá';
bem bem Bemba/Ichibemba; bho bho Bhojpuri/भोजपुरी; bjn bjn Banjar; bug bug Buginese/Basa Ugi;
ceb ceb Cebuano/Sinugboanon; ckb ckb Central Kurdish/کوردی; crh crh Crimean Tatar/Qırımtatarca;
dag dag Dagbani; din din Dinka/Thuɔŋjäŋ; dyu dyu Dyula/Julakan; efi efi Efik; fil fil Filipino;
fon fon Fon/Fɔngbè; fur fur Friulian/Furlan; gaa gaa Ga/Gã; guz guz Gusii/Ekegusii;
haw haw Hawaiian/ʻŌlelo Hawaiʻi; hil hil Hiligaynon; hne hne Chhattisgarhi/छत्तीसगढ़ी; ibb ibb Ibibio;
ilo ilo Ilocano/Ilokano; kab kab Kabyle/Taqbaylit; kac kac Jingpho; kam kam Kamba/Kikamba;
kbp kbp Kabiye/Kabɩyɛ; kea kea Kabuverdianu; kln kln Kalenjin; kmb kmb Kimbundu;
ltg ltg Latgalian/Latgalīšu; lua lua Luba-Kasai/Tshiluba; luo luo Luo/Dholuo; lus lus Mizo/Mizo ṭawng;
luy luy Luyia/Luluhya; mag mag Magahi/मगही; mai mai Maithili/मैथिली; mas mas Maasai/Maa;
mer mer Meru/Kĩmĩrũ; min min Minangkabau/Baso Minangkabau; mni mni Manipuri/Meiteilon; mos mos Mossi/Mooré;
nan nan Southern Min/Bân-lâm-gú; nso nso Northern Sotho/Sesotho sa Leboa; nus nus Nuer/Thok Naath;
nyn nyn Nyankole/Runyankore; pag pag Pangasinan; pap pap Papiamento/Papiamentu;
pcm pcm Nigerian Pidgin/Naijá; sah sah Yakut/Саха; sat sat Santali/ᱥᱟᱱᱛᱟᱲᱤ; scn scn Sicilian/Sicilianu;
shn shn Shan/ၵႂၢမ်းတႆး; sid sid Sidamo/Sidaamu Afoo; szl szl Silesian/Ślōnskŏ; taq taq Tamasheq;
teo teo Teso/Ateso; tet tet Tetum/Tetun; tiv tiv Tiv; tpi tpi Tok Pisin; tum tum Tumbuka/Chitumbuka;
tzm tzm Central Atlas Tamazight/Tamaziɣt; umb umb Umbundu; vec vec Venetian/Vèneto;
wal wal Wolaytta/Wolayttattuwa; war war Waray/Winaray; yue yue Cantonese/粵語;
zgh zgh Standard Moroccan Tamazight;
"""

# Codes of the main member of a macrolanguage, written for the two-letter code by some corpora.
_MEMBERS = {
    "als": "sq", "arb": "ar", "ayr": "ay", "azj": "az", "cmn": "zh", "ekk": "et", "gaz": "om", "khk": "mn", "kmr": "ku",
    "knc": "kr", "lvs": "lv", "npi": "ne", "ory": "or", "pbt": "ps", "pes": "fa", "plt": "mg", "quy": "qu", "swh": "sw",
    "uzn": "uz", "ydd": "yi", "zsm": "ms",
}  # fmt: skip


@cache
def languages() -> dict[str, Language]:
    """Code to `Language`: every ISO 639-1 code, and common languages that have only a three-letter code."""
    found = {}
    for entry in _TABLE.replace("\n", " ").split(";"):
        if entry.strip():
            code, three, names = entry.split(maxsplit=2)
            english, _, native = names.strip().partition("/")
            found[code] = Language(code, three, english, native or english)
    return found


@cache
def _other_spellings() -> dict[str, str]:
    """Three-letter codes and names, in lower case, to the code to write."""
    spelt = dict(_MEMBERS)
    for language in languages().values():
        for name in (language.three, language.english.lower(), language.native.lower()):
            spelt.setdefault(name, language.code)
    return {name: code for name, code in spelt.items() if name != code}


def check_language(code: str) -> str:
    """The language code in lower case, if there is such a language.

    Args:
        code: ISO 639-1 code ("sw"), or the ISO 639-3 code of a language that has no two-letter code ("ceb").

    Raises:
        DataError: There is no such code; near codes and names are suggested.

    Example:
        >>> check_language("sw"), check_language("ceb")
        ('sw', 'ceb')
        >>> check_language("swahili")
        Traceback (most recent call last):
        ...
        hf_optical.data.errors.DataError: no language code 'swahili'; write 'sw' (Swahili)
    """
    if not isinstance(code, str):
        raise DataError(f"a language code is text, not {type(code).__name__}", fix="write for example 'sw'")
    word = code.strip().lower()
    table, spelt = languages(), _other_spellings()
    if word in table:
        return word
    main = word.replace("_", "-").split("-")[0]
    known = spelt.get(word) or (main if main != word and main in table else spelt.get(main))
    if known:
        raise DataError(f"no language code {code!r}", fix=f"write {known!r} ({table[known].english})")
    if word in three_letter_codes():
        return word
    raise DataError(f"no language code {code!r}", fix=_nearest(word))


def _nearest(word: str) -> str:
    """What to write for a code that is none: names that look alike, or for two letters likely slips."""
    table, spelt = languages(), _other_spellings()
    if len(word) == 2 and word[::-1] in table:
        return f"did you mean {word[::-1]!r} ({table[word[::-1]].english})?"
    if len(word) == 2:
        codes = [f"{code} ({table[code].english})" for code in table if len(code) == 2 and code[0] == word[0]]
        return f"the codes in {word[0]!r} are {', '.join(codes)}" if codes else "write an ISO 639-1 code such as 'sw'"
    candidates = {**spelt, **{code: code for code in table}}
    codes = dict.fromkeys(candidates[name] for name in near(word, candidates))
    hint = " or ".join(f"{code!r} ({table[code].english})" for code in codes)
    return f"did you mean {hint}?" if hint else "write an ISO 639-1 code such as 'sw'"


def check_non_english(code: str) -> str:
    """`check_language`, and not English: the other side of a bitext or the language of the queries."""
    language = check_language(code)
    if language == "en":
        raise DataError("the language is 'en', the side that is always there", fix="name the language of the other side")
    return language


def language_name(code: str) -> str:
    """English name of the language, or the code itself where the table has no name.

    Example:
        >>> language_name("yo"), language_name("aab")
        ('Yoruba', 'aab')
    """
    code = check_language(code)
    return languages()[code].english if code in languages() else code


def pair(code: str) -> str:
    """Query language and English, as pairs are written throughout.

    Example:
        >>> pair("sw")
        'sw-en'
    """
    return f"{check_non_english(code)}-en"


def same_language(tag: str, code: str) -> bool:
    """Whether a language tag in a file (`sw`, `sw-KE`, `SW_ke`, `swa`, `swh`) means the language `code`.

    Example:
        >>> same_language("sw-KE", "sw"), same_language("swe", "sw")
        (True, False)
    """
    main = tag.strip().lower().replace("_", "-").split("-")[0]
    known = languages().get(code)
    return main == code or _MEMBERS.get(main) == code or (known is not None and main == known.three)
