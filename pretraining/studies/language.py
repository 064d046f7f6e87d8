"""A rough look at a report's language: enough to flag a corpus that the English rules cannot read."""

from __future__ import annotations

import re
from collections import Counter

# Frequent words that the other languages do not share. Radiology's English is short of verbs, but not of these.
_WORDS = {
    "English": "the of and is are with in to was no there seen on for this right left normal shows what",
    "Spanish": "el la los las del una con se sin por es y que en hígado derecho izquierdo",
    "French": "le la les des du une avec sans est et dans pas droit gauche foie aux",
    "German": "der die das und mit ist ohne kein keine im den dem ein eine nicht rechts links",
    "Italian": "il gli della del di con senza non è e sono nella destro sinistro",
    "Portuguese": "o os as da do das dos uma com sem não é e em direito esquerdo",
    "Dutch": "de het een van en met geen is zijn niet rechts linker voor",
    "Polish": "i w z na nie jest bez oraz do się prawej lewej",
    "Turkish": "ve bir ile sağ sol olarak izlendi saptanmadı normal mevcut",
}
_LANGUAGES: dict[str, list[str]] = {}
for _language, _text in _WORDS.items():
    for _word in _text.split():
        _LANGUAGES.setdefault(_word, []).append(_language)

_EXAMINED_CHARACTERS = 4_000
_LARGEST_FOREIGN_SCRIPT_SHARE = 0.3


def foreign_language(text: str) -> str:
    """The language that a text seems to be in, or `another script`; empty for English and where it cannot be told."""
    text = text[:_EXAMINED_CHARACTERS].lower()
    letters = [character for character in text if character.isalpha()]
    # Latin letters with their accents end at U+024F.
    if sum(character > "\u024f" for character in letters) > _LARGEST_FOREIGN_SCRIPT_SHARE * max(1, len(letters)):
        return "another script"
    words = set(re.findall(r"[^\W\d_]+", text))
    counts = Counter(language for word in words for language in _LANGUAGES.get(word, ()))
    if not counts:
        return ""
    language, count = max(counts.items(), key=lambda item: item[1])
    return language if language != "English" and count >= 3 and count > 2 * counts["English"] else ""
