"""Abbreviations of many languages, and German words around ordinals."""

# ruff: noqa: RUF001 the letters of all scripts look similar

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words are listed without their last period. A word in lower case also stands for the capitalized word. A word with a
# capital stands for itself only, because the word in lower case is a different one (Swedish "hon" is not "Hon.").
# Single letters ("z.B.", "U.S.") are recognized without an entry, unless they may end a sentence.

ABBREVIATIONS: Final = _words("""
    dr dra drs prof mr mrs ms mx messrs St Ste Mt Ft Hon Rev Sen Gen Rep Gov Capt Lt Col Sgt Maj Pres Supt vs viz cf eg
    ie approx dept
    bzw ca cca circa vgl ggf evtl sog bspw insb inkl exkl zzgl abzgl lt Hr Hrn Fr Frl Dipl Mag ing Abs Abt Bd Mio Mrd
    Tsd nr Dipl.-Ing v.Chr n.Chr
    mme mmes mlle mlles MM mgr p.ex Av sr sra srta sres dña dn Ud Uds Vd p.ej EE núm pág págs nº exmo exma avda
    sig sigg dott avv geom egr spett pag sig.ra sig.na dott.ssa
    dhr mevr mw bijv blz zgn jl d.w.z resp evt tel
    t.ex bl.a f.eks dvs kl klo frk tfn fr.o.m ekskl jf hhv vha mht esim ns ks vrt tms
    např napr tzv tzn tzw tj mj npr inż św godz ul np m.in nám
    dl dna örn bkz doç yrd Sn kb ún ifj özv Tp TP TS ThS PGS
    ул см стр гл проф акад доц напр див вул ім тзв бр нпр π.χ δηλ σελ βλ αρ
    डॉ प्रो ডা ডঃ
""")
ABBREVIATIONS_BEFORE_LOWER_CASE: Final = _words("""
    etc al a.m p.m Ph.D jr inc ltd corp co bros esq llc ave blvd rd hwy apt ext misc max min avg sec hr hrs mins oz lbs
    ft tsp tbsp est incl excl Jh Jhd usw u.s.w geb gest ff ltda cía ecc enz osv mv m.m m.fl jne ym yms mm
    itd itp atd apod atď ap mln mld zł tys stb vb dsb dst dll EE.UU UU
    т.д т.п др пр руб коп тыс млн млрд гг вв тис грн κ.λπ κλπ κ.ά μ.μ π.μ
""")
"""Abbreviations that may end a sentence, unless a word in lower case follows."""
ABBREVIATIONS_BEFORE_NUMBERS: Final = _words("""
    no nos art fig figs vol vols ch op pt cap ok str abb рис
    Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Okt Nov Dec Dez
""")
"""Abbreviations that are also words unless a number or a word in lower case follows."""
WORDS_BEFORE_ORDINALS: Final = _words("""
    am im vom zum zur beim der die das den dem des jeder jeden jedem jedes mein meinen meinem meine sein seinen seinem
    seine ihr ihren ihrem ihre unser unseren unserem unsere
""")
"""German words before ordinals: "am 3. Mai", "das 19. Jahrhundert"."""
GERMAN_MONTHS: Final = _words(
    "Januar Jänner Februar Feber März April Mai Juni Juli August September Oktober November Dezember"
)
"""Capitalized months after ordinals: "Montag, 3. Mai"."""
