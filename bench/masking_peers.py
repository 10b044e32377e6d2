"""Runs inside the benchmark's own environment: what Presidio and scrubadub find, and public evaluation texts.

`masking_peers.py texts COUNT SEED` writes labelled texts; `masking_peers.py presidio|scrubadub` reads texts, one JSON
string a line, and writes `{"seconds": …, "spans": [[[start, end, kind], …], …]}`. It imports nothing of the repository.
"""

import contextlib
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

KINDS = {
    "EMAIL_ADDRESS": "EMAIL",
    "email": "EMAIL",
    "CREDIT_CARD": "CARD",
    "credit_card": "CARD",
    "IBAN_CODE": "IBAN",
    "PHONE_NUMBER": "PHONE",
    "phone": "PHONE",
    "IP_ADDRESS": "IP",
    "URL": "URL",
    "url": "URL",
    "DOMAIN_NAME": "URL",
    "US_SSN": "ID",
    "PERSON": "NAME",
    "STREET_ADDRESS": "ADDRESS",
}
"""The libraries' names for the kinds that the corpus labels; what is not named here keeps its own name."""

Spans = list[tuple[int, int, str]]


def presidio() -> Callable[[str], Spans]:
    """Presidio's default recognisers without a language model, which it would have to download."""
    library: Any = importlib.import_module("presidio_analyzer")
    language: Any = importlib.import_module("presidio_analyzer.nlp_engine")
    blank: Any = importlib.import_module("spacy").blank("en")
    without_model = language.SpacyNlpEngine()
    without_model.load = lambda: setattr(without_model, "nlp", {"en": blank})
    registry = library.RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    engine = library.AnalyzerEngine(registry=registry, nlp_engine=without_model, supported_languages=["en"])

    def find(text: str) -> Spans:
        return [(one.start, one.end, one.entity_type) for one in engine.analyze(text, language="en")]

    return find


def scrubadub() -> Callable[[str], Spans]:
    """scrubadub's default detectors."""
    scrubber: Any = importlib.import_module("scrubadub").Scrubber()

    def find(text: str) -> Spans:
        return [(filth.beg, filth.end, filth.type) for filth in scrubber.iter_filth(text)]

    return find


def write_texts(count: int, seed: int) -> None:
    """Labelled texts from the templates and fake identities of presidio-evaluator."""
    generator: Any = importlib.import_module("presidio_evaluator.data_generator")
    with contextlib.redirect_stdout(sys.stderr):
        faker = generator.PresidioSentenceFaker("en_US", lower_case_ratio=0.05, random_seed=seed)
        sentences = faker.generate_new_fake_sentences(num_samples=count)
    for sentence in sentences:
        labels = [
            [span.start_position, span.end_position, KINDS.get(span.entity_type, span.entity_type)]
            for span in sentence.spans
        ]
        print(json.dumps({"text": sentence.full_text, "labels": labels}))


def find_in_texts(find: Callable[[str], Spans]) -> None:
    """Search the texts of standard input."""
    texts = [json.loads(line) for line in sys.stdin]
    find(texts[0])
    begun = time.process_time()
    found = [find(text) for text in texts]
    seconds = time.process_time() - begun
    spans = [[(start, end, KINDS.get(kind, kind.upper())) for start, end, kind in one] for one in found]
    print(json.dumps({"seconds": seconds, "spans": spans}))


if __name__ == "__main__":
    if sys.argv[1] == "texts":
        write_texts(int(sys.argv[2]), int(sys.argv[3]))
    else:
        find_in_texts({"presidio": presidio, "scrubadub": scrubadub}[sys.argv[1]]())
