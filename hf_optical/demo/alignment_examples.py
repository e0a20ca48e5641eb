"""Sentences to align, English first; written for this package, those in Swahili taken from its embedded sample."""

from __future__ import annotations

Pair = tuple[str, str]

_PAIRS: dict[str, tuple[Pair, ...]] = {
    "sw": (
        ("Gorillas eat leaves and the bark of trees.", "Gorila hula majani na magome ya miti."),
        ("My father's house is beside the lake.", "Nyumba ya baba yangu iko kando ya ziwa."),
        ("The farmer took the tomatoes to market in boxes.", "Mkulima alipeleka nyanya sokoni katika masanduku."),
        ("Fishermen dry small fish in the sun.", "Wavuvi huanika samaki wadogo juani."),
        ("How much does one kilo of rice cost?", "Kilo moja ya mchele ni bei gani?"),
    ),
    "ha": (
        ("Where is the market?", "Ina kasuwa take?"),
        ("The children are drinking clean water.", "Yara suna shan ruwa mai tsabta."),
        ("My mother is cooking rice.", "Mahaifiyata tana dafa shinkafa."),
    ),
    "yo": (
        ("Where is the market?", "Níbo ni ọjà wà?"),
        ("The child is drinking water.", "Ọmọ náà ń mu omi."),
        ("My mother is cooking rice.", "Ìyá mi ń se ìrẹsì."),
    ),
    "ig": (
        ("Where is the market?", "Kedu ebe ahịa dị?"),
        ("The child is drinking water.", "Nwata ahụ na-aṅụ mmiri."),
        ("My mother is cooking rice.", "Nne m na-esi osikapa."),
    ),
    "so": (
        ("Where is the market?", "Suuqu waa xaggee?"),
        ("The child is drinking milk.", "Ilmuhu caano ayuu cabbayaa."),
    ),
    "zu": (
        ("Where is the market?", "Ikuphi imakethe?"),
        ("The child is drinking water.", "Ingane iphuza amanzi."),
    ),
    "fr": (
        ("The children are drinking clean water.", "Les enfants boivent de l'eau propre."),
        ("Farmers plant maize when the rain begins.", "Les paysans sèment le maïs quand la pluie commence."),
    ),
    "es": (
        ("The children are drinking clean water.", "Los niños beben agua limpia."),
        ("Farmers plant maize when the rain begins.", "Los campesinos siembran maíz cuando empieza la lluvia."),
    ),
    "pt": (
        ("The children are drinking clean water.", "As crianças bebem água limpa."),
        ("Farmers plant maize when the rain begins.", "Os camponeses plantam milho quando a chuva começa."),
    ),
    "de": (
        ("The children are drinking clean water.", "Die Kinder trinken sauberes Wasser."),
        ("Farmers plant maize when the rain begins.", "Die Bauern säen Mais, wenn der Regen beginnt."),
    ),
    "en": (
        ("Where can I repair my bicycle?", "Who fixes a broken bike?"),
        ("The children are drinking clean water.", "Safe water is drunk by the kids."),
    ),
}  # fmt: skip


def alignment_examples(language: str) -> tuple[Pair, ...]:
    """(English, foreign) sentences of a language; none of most languages.

    Example:
        >>> alignment_examples("sw")[0][1]
        'Gorila hula majani na magome ya miti.'
    """
    return _PAIRS.get(language, ())
