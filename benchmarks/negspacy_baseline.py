"""The baseline of `tag_mining.py`: phrases by spaCy, negation by negspacy. Runs in an environment of its own.

Reads `{"terms": [[phrase, tag], ...], "texts": [...]}` from standard input; writes `{"states": [...], "seconds": ...}`.
A negated phrase makes its tag absent, any other one present, as a plain NegEx flag would have it.
"""

import json
import sys
import time

import spacy
from negspacy.negation import Negex  # noqa: F401 - registers the pipe
from negspacy.termsets import termset


def main() -> None:
    """Tag every text."""
    job = json.load(sys.stdin)
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    ruler.add_patterns([{"label": "ORGAN", "pattern": phrase, "id": tag} for phrase, tag in job["terms"]])
    patterns = termset("en_clinical").get_patterns()
    nlp.add_pipe("negex", config={"neg_termset": patterns, "ent_types": ["ORGAN"]})
    states = []
    start = time.process_time()
    for document in nlp.pipe(job["texts"]):
        found: dict[str, str] = {}
        for entity in document.ents:
            if found.get(entity.ent_id_) != "present":
                found[entity.ent_id_] = "absent" if entity._.negex else "present"
        states.append(found)
    json.dump({"states": states, "seconds": time.process_time() - start}, sys.stdout)


if __name__ == "__main__":
    main()
