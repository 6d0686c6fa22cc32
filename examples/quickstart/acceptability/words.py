"""Words of lexicon.tsv, drawn by how frequent they are in real text, and the phrases they make.

Each split has words of its own: of a class with at least EXCLUSIVE words every sixth belongs to the
test set alone and every sixth to the dev set alone. Smaller classes serve all splits.

Only random() of the generator is used: Python promises that its sequence never changes.
"""

import collections
import pathlib
import random

EXCLUSIVE = 8
FLATTENING = 0.5  # weight = count ** FLATTENING, so that rare words occur too
BASE, THIRD, PAST, PARTICIPLE, ING = range(5)
SINGULAR, PLURAL = 0, 1
BE_PRESENT, BE_PAST, HAVE, DO = ("is", "are"), ("was", "were"), ("has", "have"), ("does", "do")
DETERMINERS = (["the", "the", "a", "this", "that", "every"],
               ["the", "the", "these", "those", "many", "some"])
PREPOSITIONS = ["in", "near", "behind", "beside"]
MODALS = ["will", "can", "must", "should"]
REFLEXIVES = {"m": "himself", "f": "herself"}

Word = collections.namedtuple("Word", "forms gender")


def read_lexicon():
    """class -> [(Word, weight)], in the file's order."""
    path = pathlib.Path(__file__).resolve().parent / "lexicon.tsv"
    lexicon = collections.defaultdict(list)
    for line in path.read_text().splitlines()[1:]:
        name, forms, gender, count = line.split("\t")
        lexicon[name].append((Word(forms.split(), gender), (int(count) + 1) ** FLATTENING))
    return lexicon


def owner(index, size):
    """The split that alone may use a class's word of this place; None: all may."""
    if size < EXCLUSIVE:
        return None
    return {4: "dev", 5: "test"}.get(index % 6, "train")


class Words:
    """Draws for one split."""

    def __init__(self, split, seed):
        self.random = random.Random(seed).random
        self.classes = {
            name: [entry for i, entry in enumerate(entries)
                   if owner(i, len(entries)) in (None, split)]
            for name, entries in read_lexicon().items()}

    def pick(self, items):
        return items[int(self.random() * len(items))]

    def chance(self, p):
        return self.random() < p

    def number(self):
        return PLURAL if self.chance(0.45) else SINGULAR

    def word(self, name, but=(), gender=None):
        """A word of a class, none of `but`; gender "known": male or female alone."""
        entries = [(word, weight) for word, weight in self.classes[name] if word not in but
                   and (gender is None or word.gender in (("m", "f") if gender == "known" else gender))]
        at = self.random() * sum(weight for _, weight in entries)
        for word, weight in entries:
            at -= weight
            if at < 0:
                return word
        return entries[-1][0]

    def text(self, name, but=()):
        """The only form of an adjective, adverb, place or mass noun."""
        return self.word(name, [Word([form], "") for form in but]).forms[0]

    # Phrases: lists of tokens.

    def phrase(self, noun, number, determiner=None, adjective=None):
        """Determiner, perhaps an adjective, noun; a wrong pairing is the caller's wish."""
        words = [determiner or self.pick(DETERMINERS[number])]
        words += [adjective] if adjective else []
        words += [noun.forms[number]]
        if words[0] == "a":
            words[0] = article(words[1])
        return words

    def person(self, number=None, noun=None):
        number = self.number() if number is None else number
        adjective = self.text("adjective_person") if self.chance(0.2) else None
        return self.phrase(noun or self.word("person"), number, None, adjective)

    def thing(self, number=None, noun=None):
        number = self.number() if number is None else number
        adjective = self.text("adjective_thing") if self.chance(0.2) else None
        return self.phrase(noun or self.word("thing"), number, None, adjective)

    def where(self):
        return [self.pick(PREPOSITIONS), "the", self.text("place")]

    def perhaps_where(self, p=0.3):
        return self.where() if self.chance(p) else []

    def finite(self, verb, number):
        """A verb with its tense: mends, mended, has mended, is mending, will mend."""
        kind = self.pick(["present", "past", "perfect", "progressive", "modal"])
        return {
            "present": [verb.forms[present(number)]],
            "past": [verb.forms[PAST]],
            "perfect": [HAVE[number], verb.forms[PARTICIPLE]],
            "progressive": [BE_PAST[number], verb.forms[ING]],
            "modal": [self.pick(MODALS), verb.forms[BASE]],
        }[kind]

    def marked(self, verb, number):
        """A verb phrase's head whose first word shows the number: (right, wrong)."""
        kind = self.pick(["present", "present", "perfect", "progressive"])
        pair = {"present": (verb.forms[THIRD], verb.forms[BASE]), "perfect": HAVE,
                "progressive": BE_PRESENT}[kind]
        rest = {"present": [], "perfect": [verb.forms[PARTICIPLE]],
                "progressive": [verb.forms[ING]]}[kind]
        return [pair[number]] + rest, [pair[1 - number]] + rest

    def tail(self):
        """What an animate subject does, without its object's trouble: (verb, rest)."""
        if self.chance(0.5):
            return self.word("intransitive"), self.perhaps_where()
        return self.word("transitive"), self.thing()


def present(number):
    return THIRD if number == SINGULAR else BASE


def article(word):
    return "an" if word[0] in "aeio" or word in ("honest", "uncle", "unwilling") else "a"


def write(tokens):
    """Tokens to text: a capital at the start, a full stop or question mark at the end."""
    end = "."
    if tokens[-1] == "?":
        tokens, end = tokens[:-1], "?"
    text = " ".join(tokens) + end
    return text[0].upper() + text[1:]

# SPDX-License-Identifier: Apache-2.0
