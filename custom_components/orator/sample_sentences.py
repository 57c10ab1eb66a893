"""Sample sentences for previews of voices, one per language."""

# ruff: noqa: RUF001 - other alphabets have letters that look like Latin ones

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from homeassistant.util import language as language_util


@dataclass(frozen=True, slots=True)
class SampleSentence:
    """A sentence, its language tag, and the name of the language in the language itself."""

    tag: str
    language: str
    sentence: str


_DEFAULT_TAG: Final = "en"
_TRADITIONAL_CHINESE_TAG: Final = "zh-Hant"
_TRADITIONAL_CHINESE_SUBTAGS: Final = {"HK", "HANT", "MO", "TW"}
_TAG_SYNONYMS: Final = {"fil": "tl", "no": "nb"}

# "Good morning! The coffee is ready, and the sun is shining."
SAMPLE_SENTENCES: Final = {
    tag: SampleSentence(tag, language, sentence)
    for tag, language, sentence in (
        ("af", "Afrikaans", "Goeiemôre! Die koffie is reg, en die son skyn."),
        ("ar", "العربية", "صباح الخير! القهوة جاهزة، والشمس مشرقة."),
        ("az", "Azərbaycan", "Sabahınız xeyir! Qəhvə hazırdır, günəş də parlayır."),
        ("be", "Беларуская", "Добрай раніцы! Кава гатовая, і свеціць сонца."),
        ("bg", "Български", "Добро утро! Кафето е готово и слънцето грее."),
        ("bn", "বাংলা", "সুপ্রভাত! কফি তৈরি, আর রোদ উঠেছে।"),
        ("bs", "Bosanski", "Dobro jutro! Kafa je gotova i sunce sija."),
        ("ca", "Català", "Bon dia! El cafè és a punt i fa sol."),
        ("cs", "Čeština", "Dobré ráno! Káva je hotová a svítí slunce."),
        ("cy", "Cymraeg", "Bore da! Mae'r coffi'n barod, ac mae'r haul yn tywynnu."),
        ("da", "Dansk", "Godmorgen! Kaffen er klar, og solen skinner."),
        ("de", "Deutsch", "Guten Morgen! Der Kaffee ist fertig, und die Sonne scheint."),
        ("el", "Ελληνικά", "Καλημέρα! Ο καφές είναι έτοιμος και ο ήλιος λάμπει."),
        ("en", "English", "Good morning! The coffee is ready, and the sun is shining."),
        ("es", "Español", "¡Buenos días! El café está listo y hace sol."),
        ("et", "Eesti", "Tere hommikust! Kohv on valmis ja päike paistab."),
        ("fa", "فارسی", "صبح بخیر! قهوه آماده است و خورشید می‌درخشد."),
        ("fi", "Suomi", "Hyvää huomenta! Kahvi on valmista, ja aurinko paistaa."),
        ("fr", "Français", "Bonjour ! Le café est prêt et le soleil brille."),
        ("ga", "Gaeilge", "Maidin mhaith! Tá an caife réidh, agus tá an ghrian ag taitneamh."),
        ("gl", "Galego", "Bos días! O café está listo e brilla o sol."),
        ("gu", "ગુજરાતી", "સુપ્રભાત! કૉફી તૈયાર છે."),
        ("he", "עברית", "בוקר טוב! הקפה מוכן, והשמש זורחת."),
        ("hi", "हिन्दी", "सुप्रभात! कॉफ़ी तैयार है और धूप निकली हुई है।"),
        ("hr", "Hrvatski", "Dobro jutro! Kava je gotova i sunce sja."),
        ("hu", "Magyar", "Jó reggelt! Kész a kávé, és süt a nap."),
        ("hy", "Հայերեն", "Բարի լույս։ Սուրճը պատրաստ է, և արևը շողում է։"),
        ("id", "Indonesia", "Selamat pagi! Kopinya sudah siap, dan matahari bersinar."),
        ("is", "Íslenska", "Góðan daginn! Kaffið er tilbúið og sólin skín."),
        ("it", "Italiano", "Buongiorno! Il caffè è pronto e splende il sole."),
        ("ja", "日本語", "おはようございます。コーヒーができました。今日はいい天気です。"),
        ("ka", "ქართული", "დილა მშვიდობისა! ყავა მზად არის და მზე ანათებს."),
        ("kk", "Қазақ тілі", "Қайырлы таң! Кофе дайын, күн жарқырап тұр."),
        ("kn", "ಕನ್ನಡ", "ಶುಭೋದಯ! ಕಾಫಿ ಸಿದ್ಧವಾಗಿದೆ, ಮತ್ತು ಸೂರ್ಯ ಹೊಳೆಯುತ್ತಿದ್ದಾನೆ."),
        ("ko", "한국어", "좋은 아침이에요! 커피가 준비됐고, 날씨도 맑아요."),
        ("lt", "Lietuvių", "Labas rytas! Kava paruošta, ir šviečia saulė."),
        ("lv", "Latviešu", "Labrīt! Kafija ir gatava, un spīd saule."),
        ("mi", "Māori", "Mōrena! Kua reri te kawhe, ā, e whiti ana te rā."),
        ("mk", "Македонски", "Добро утро! Кафето е готово и сонцето сјае."),
        ("ml", "മലയാളം", "സുപ്രഭാതം! കാപ്പി തയ്യാറാണ്."),
        ("mr", "मराठी", "सुप्रभात! कॉफी तयार आहे आणि सूर्य चमकत आहे."),
        ("ms", "Melayu", "Selamat pagi! Kopi sudah siap, dan matahari bersinar."),
        ("mt", "Malti", "L-għodwa t-tajba! Il-kafè lest u x-xemx qed tiddi."),
        ("nb", "Norsk", "God morgen! Kaffen er klar, og sola skinner."),
        ("ne", "नेपाली", "शुभ प्रभात! कफी तयार छ र घाम लागेको छ।"),
        ("nl", "Nederlands", "Goedemorgen! De koffie is klaar en de zon schijnt."),
        ("nn", "Nynorsk", "God morgon! Kaffien er klar, og sola skin."),
        ("pl", "Polski", "Dzień dobry! Kawa jest gotowa i świeci słońce."),
        ("pt", "Português", "Bom dia! O café está pronto e faz sol."),
        ("ro", "Română", "Bună dimineața! Cafeaua e gata și soarele strălucește."),
        ("ru", "Русский", "Доброе утро! Кофе готов, и светит солнце."),
        ("sk", "Slovenčina", "Dobré ráno! Káva je hotová a svieti slnko."),
        ("sl", "Slovenščina", "Dobro jutro! Kava je pripravljena in sonce sije."),
        ("sq", "Shqip", "Mirëmëngjes! Kafeja është gati dhe dielli po shkëlqen."),
        ("sr", "Српски", "Добро јутро! Кафа је готова и сунце сија."),
        ("sv", "Svenska", "God morgon! Kaffet är klart och solen skiner."),
        ("sw", "Kiswahili", "Habari za asubuhi! Kahawa iko tayari, na jua linawaka."),
        ("ta", "தமிழ்", "காலை வணக்கம்! காபி தயாராக உள்ளது."),
        ("te", "తెలుగు", "శుభోదయం! కాఫీ సిద్ధంగా ఉంది."),
        ("th", "ไทย", "อรุณสวัสดิ์ กาแฟพร้อมแล้ว วันนี้แดดดี"),
        ("tl", "Filipino", "Magandang umaga! Handa na ang kape, at sumisikat ang araw."),
        ("tr", "Türkçe", "Günaydın! Kahve hazır ve güneş parlıyor."),
        ("uk", "Українська", "Доброго ранку! Кава готова, і світить сонце."),
        ("ur", "اردو", "صبح بخیر! کافی تیار ہے اور دھوپ نکلی ہوئی ہے۔"),
        ("uz", "Oʻzbek", "Xayrli tong! Qahva tayyor, quyosh porlab turibdi."),
        ("vi", "Tiếng Việt", "Chào buổi sáng! Cà phê đã sẵn sàng và trời đang nắng."),
        ("zh", "中文", "早上好！咖啡已经准备好了，今天阳光明媚。"),
        (_TRADITIONAL_CHINESE_TAG, "中文（繁體）", "早安！咖啡已經準備好了，今天陽光明媚。"),
    )
}


@lru_cache(maxsize=128)  # thousands of listed voices share a few sets of languages
def sample_sentences_for(tags: tuple[str, ...]) -> tuple[SampleSentence, ...]:
    """Return the samples for language tags, sorted by language name, or the English sample if there are none."""
    samples = {sample.tag: sample for tag in tags if (sample := _find_sample(tag))}
    by_name = sorted(samples.values(), key=lambda sample: sample.language.casefold())
    return tuple(by_name) or (SAMPLE_SENTENCES[_DEFAULT_TAG],)


def pick_sample_sentence(samples: Sequence[SampleSentence], language: str, country: str | None) -> SampleSentence:
    """Return the best sample for a language, otherwise the English one, otherwise the first."""
    by_tag = {sample.tag: sample for sample in samples}
    own = _find_sample(language)
    if own and own.tag in by_tag:
        return own
    matches = [*language_util.matches(language, by_tag, country), _DEFAULT_TAG]
    return next((by_tag[tag] for tag in matches if tag in by_tag), samples[0])


def _find_sample(tag: str) -> SampleSentence | None:
    """Return the sample for a language tag, if there is one."""
    base, *subtags = tag.replace("_", "-").split("-")
    base = base.lower()
    if base == "zh" and not _TRADITIONAL_CHINESE_SUBTAGS.isdisjoint(subtag.upper() for subtag in subtags):
        return SAMPLE_SENTENCES[_TRADITIONAL_CHINESE_TAG]
    return SAMPLE_SENTENCES.get(_TAG_SYNONYMS.get(base, base))
