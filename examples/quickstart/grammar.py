"""A small English-like grammar that writes acceptable sentences and sentences with one mistake.

A construction is a function that draws its words and returns a list of tokens. Given the name of a
mistake it makes that one mistake and nothing else, so a rule of grammar and not a word tells the
classes apart. Every sentence has a cell (subject noun, predicate); cells are dealt to the splits so
that no pairing of subject and predicate of the dev or test set occurs in training.

Only random() of the generator is used: Python promises its sequence never changes.
"""

import random

# noun, plural, reflexive pronoun (None: either would do)
PEOPLE = [
    ("baker", "bakers", None), ("gardener", "gardeners", None), ("pilot", "pilots", None),
    ("teacher", "teachers", None), ("sailor", "sailors", None), ("painter", "painters", None),
    ("farmer", "farmers", None), ("doctor", "doctors", None), ("singer", "singers", None),
    ("child", "children", None), ("king", "kings", "himself"), ("boy", "boys", "himself"),
    ("uncle", "uncles", "himself"), ("man", "men", "himself"), ("prince", "princes", "himself"),
    ("queen", "queens", "herself"), ("girl", "girls", "herself"), ("aunt", "aunts", "herself"),
    ("woman", "women", "herself"), ("nurse", "nurses", None),
]
THINGS = [
    ("lamp", "lamps"), ("boat", "boats"), ("apple", "apples"), ("letter", "letters"),
    ("box", "boxes"), ("chair", "chairs"), ("map", "maps"), ("violin", "violins"),
    ("kettle", "kettles"), ("basket", "baskets"), ("ladder", "ladders"), ("coat", "coats"),
    ("ring", "rings"), ("knife", "knives"), ("egg", "eggs"), ("clock", "clocks"),
    ("stone", "stones"), ("picture", "pictures"),
]
PLACES = ["garden", "kitchen", "harbour", "market", "station", "mill", "river", "bridge", "school",
          "tower"]
PREPOSITIONS = ["in", "near", "behind", "beside"]
PERSON_ADJECTIVES = ["old", "young", "clever", "quiet", "tired", "honest", "angry", "happy"]
THING_ADJECTIVES = ["old", "red", "heavy", "broken", "empty", "new", "small", "round"]
# adjective, comparative
COMPARED = [("tall", "taller"), ("old", "older"), ("young", "younger"), ("strong", "stronger"),
            ("kind", "kinder"), ("rich", "richer"), ("proud", "prouder"), ("calm", "calmer")]
# base, third person, past, participle, -ing
TRANSITIVE = [
    ("carry", "carries", "carried", "carried", "carrying"),
    ("clean", "cleans", "cleaned", "cleaned", "cleaning"),
    ("take", "takes", "took", "taken", "taking"), ("see", "sees", "saw", "seen", "seeing"),
    ("draw", "draws", "drew", "drawn", "drawing"), ("hide", "hides", "hid", "hidden", "hiding"),
    ("break", "breaks", "broke", "broken", "breaking"),
    ("choose", "chooses", "chose", "chosen", "choosing"),
    ("steal", "steals", "stole", "stolen", "stealing"),
    ("use", "uses", "used", "used", "using"), ("mend", "mends", "mended", "mended", "mending"),
    ("forget", "forgets", "forgot", "forgotten", "forgetting"),
]
INTRANSITIVE = [
    ("sleep", "sleeps", "slept", "slept", "sleeping"),
    ("arrive", "arrives", "arrived", "arrived", "arriving"),
    ("smile", "smiles", "smiled", "smiled", "smiling"),
    ("fall", "falls", "fell", "fallen", "falling"),
    ("laugh", "laughs", "laughed", "laughed", "laughing"),
    ("wait", "waits", "waited", "waited", "waiting"),
    ("vanish", "vanishes", "vanished", "vanished", "vanishing"),
    ("snore", "snores", "snored", "snored", "snoring"),
]
GIVING = [
    ("give", "gives", "gave", "given", "giving"), ("show", "shows", "showed", "shown", "showing"),
    ("send", "sends", "sent", "sent", "sending"), ("sell", "sells", "sold", "sold", "selling"),
]
SAYING = [
    ("think", "thinks", "thought", "thought", "thinking"),
    ("claim", "claims", "claimed", "claimed", "claiming"),
    ("say", "says", "said", "said", "saying"),
    ("hope", "hopes", "hoped", "hoped", "hoping"),
]
REFLEXIVE = [
    ("wash", "washes", "washed", "washed", "washing"),
    ("admire", "admires", "admired", "admired", "admiring"),
    ("blame", "blames", "blamed", "blamed", "blaming"),
    ("praise", "praises", "praised", "praised", "praising"),
]
BASE, THIRD, PAST, PARTICIPLE, ING = range(5)
SINGULAR, PLURAL = 0, 1
SINGULAR_DETERMINERS = ["the", "the", "a", "this", "that", "every"]
PLURAL_DETERMINERS = ["the", "the", "these", "those", "many", "two"]
TIMES = ["today", "again", "on Monday", "every morning", "at night"]


class Draw:
    """Choices from a seeded generator."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def index(self, n):
        return int(self.random() * n)

    def pick(self, items):
        return items[self.index(len(items))]

    def chance(self, p):
        return self.random() < p


def indefinite(word):
    return "an" if word[0] in "aeiou" or word == "honest" else "a"


def noun_phrase(d, nouns, number, adjectives, wrong=None, noun=None, place=0.0):
    """Determiner, perhaps an adjective, noun, perhaps a place; `wrong` breaks one of them."""
    noun = noun or d.pick(nouns)
    determiner = d.pick((SINGULAR_DETERMINERS, PLURAL_DETERMINERS)[number])
    adjective = d.pick(adjectives) if wrong == "adjective" or d.chance(0.35) else None
    word = noun[number]
    if wrong == "number":  # these lamp, every lamps
        determiner = d.pick((["a", "this", "every"], ["these", "many", "two"])[number])
        word = noun[1 - number]
    if determiner == "a":
        determiner = indefinite(adjective or word)
    phrase = [determiner] + ([adjective] if adjective else []) + [word]
    if wrong == "determiner":  # lamp without any
        phrase = phrase[1:]
    elif wrong == "adjective":  # the lamp old
        phrase = [determiner, word, adjective]
    elif wrong == "article":  # lamp the
        phrase = phrase[1:] + [determiner]
    return phrase + (where(d) if d.chance(place) else [])


def where(d, wrong=None):
    preposition = d.pick(PREPOSITIONS)
    if wrong == "preposition":  # in near the garden
        preposition += " " + d.pick([p for p in PREPOSITIONS if p != preposition])
    return [preposition, "the", d.pick(PLACES)]


def person(d, number, wrong=None, noun=None, place=0.0):
    return noun_phrase(d, PEOPLE, number, PERSON_ADJECTIVES, wrong, noun, place)


def thing(d, number, wrong=None, place=0.0):
    return noun_phrase(d, THINGS, number, THING_ADJECTIVES, wrong, place=place)


def either(d):
    return PLURAL if d.chance(0.4) else SINGULAR


def verb_group(d, verb, number, wrong=None):
    """A finite verb, alone or behind an auxiliary: waters, watered, has watered, will water, ..."""
    kinds = ["present", "present", "past", "perfect", "progressive", "modal"]
    if wrong == "agreement":
        kinds = ["present", "present", "perfect", "progressive"]
        number = 1 - number
    if wrong == "form":
        kinds = ["perfect", "progressive", "modal"]
    kind = d.pick(kinds)
    if kind == "present":
        return [verb[(THIRD, BASE)[number]]]
    if kind == "past":
        return [verb[PAST]]
    auxiliary, form = {
        "perfect": (("has", "have")[number], PARTICIPLE),
        "progressive": (("is", "are")[number], ING),
        "modal": (d.pick(["will", "can", "must"]), BASE),
    }[kind]
    if wrong == "form":  # has watering, will watered
        form = d.pick({PARTICIPLE: [BASE, ING], ING: [BASE, THIRD], BASE: [THIRD, ING]}[form])
    return [auxiliary, verb[form]]


def noun_mistake(d, wrong, number):
    """Where a mistake in a noun phrase goes: subject or object. A bare plural is no mistake."""
    if wrong not in ("determiner", "number", "adjective", "article"):
        return None, None, number
    if d.chance(0.5):
        return wrong, None, SINGULAR if wrong == "determiner" else number
    return None, wrong, number


def object_number(d, wrong):
    return SINGULAR if wrong == "determiner" else either(d)


def transitive(d, noun, verb, wrong=None):
    number = either(d)
    first, second, number = noun_mistake(d, wrong, number)
    subject = person(d, number, first, noun, place=0.3)
    group = verb_group(d, verb, number, wrong)
    thing_ = thing(d, object_number(d, second), second)
    tail = where(d, wrong) if wrong == "preposition" or d.chance(0.3) else []
    if wrong == "object":  # the baker mends
        return subject + group + tail
    if wrong == "order":  # the baker the lamp mends
        return subject + thing_ + group + tail
    return subject + group + thing_ + tail + (d.pick(TIMES).split() if d.chance(0.3) else [])


def intransitive(d, noun, verb, wrong=None):
    number = SINGULAR if wrong == "determiner" else either(d)
    mistake = wrong if wrong in ("determiner", "number", "adjective", "article") else None
    subject = person(d, number, mistake, noun, place=0.4)
    group = verb_group(d, verb, number, wrong)
    if wrong == "object":  # the baker sleeps the lamp
        group = group + thing(d, either(d))
    if wrong == "order":  # sleeps the baker
        subject, group = group, subject
    tail = where(d, wrong) if wrong == "preposition" or d.chance(0.4) else []
    return subject + group + tail + (d.pick(TIMES).split() if d.chance(0.3) else [])


def giving(d, noun, verb, wrong=None):
    number = either(d)
    first, second, number = noun_mistake(d, wrong, number)
    subject = person(d, number, first, noun)
    group = verb_group(d, verb, number, wrong)
    gift, receiver = thing(d, object_number(d, second), second), person(d, either(d))
    if wrong == "order":  # the baker gives the lamp the king to
        return subject + group + gift + receiver + ["to"]
    if d.chance(0.5):
        return subject + group + receiver + gift
    return subject + group + gift + ["to"] + receiver


def reflexive(d, noun, verb, wrong=None):
    if noun[2] is None and wrong == "reflexive":
        number = PLURAL
    else:
        number = either(d)
    right = "themselves" if number == PLURAL else noun[2] or d.pick(["himself", "herself"])
    if wrong == "reflexive":  # the queen admires himself
        right = d.pick([p for p in ("himself", "herself", "themselves") if p != right])
    subject = person(d, number, None, noun, place=0.3)
    group = verb_group(d, verb, number, wrong)
    if wrong == "order":
        return subject + [right] + group
    return subject + group + [right] + (where(d) if d.chance(0.3) else [])


def pronoun(d, noun, verb, wrong=None):
    subject, object_ = d.pick(["he", "she", "they"]), d.pick(["him", "her", "them"])
    number = PLURAL if subject == "they" else SINGULAR
    tail = where(d) if d.chance(0.5) else []
    if d.chance(0.5):  # he praises the baker
        if wrong == "case":
            subject = {"he": "him", "she": "her", "they": "them"}[subject]
        group = verb_group(d, verb, number, wrong)
        return [subject] + group + person(d, either(d), None, noun) + tail
    if wrong == "case":
        object_ = {"him": "he", "her": "she", "them": "they"}[object_]
    number = either(d)
    return person(d, number, None, noun) + verb_group(d, verb, number, wrong) + [object_] + tail


def saying(d, noun, verb, wrong=None):
    number, inner_number = either(d), either(d)
    outer = wrong if wrong in ("agreement", "form") and d.chance(0.5) else None
    inner = None if outer else wrong
    subject = person(d, number, None, noun)
    group = verb_group(d, verb, number, outer)
    clause = person(d, inner_number) + verb_group(d, d.pick(TRANSITIVE), inner_number, inner)
    gift = [] if wrong == "object" else thing(d, either(d))
    return subject + group + ["that"] + clause + gift


def question(d, noun, verb, wrong=None):
    number = either(d)
    auxiliary = d.pick([("does", "do")[number], "did", "will"])
    form = BASE
    if wrong == "agreement":
        auxiliary = ("do", "does")[number]
    if wrong == "form":
        form = d.pick([THIRD, PAST, ING])
    subject = person(d, number, None, noun)
    if wrong == "order":  # what the baker did mend
        return ["what"] + subject + [auxiliary, verb[form], "?"]
    if wrong == "gap" or d.chance(0.5):  # what did the baker mend (the lamp)
        gap = thing(d, either(d)) if wrong == "gap" else []
        tail = where(d) if d.chance(0.4) else []
        return ["what", auxiliary] + subject + [verb[form]] + gap + tail + ["?"]
    return [auxiliary] + subject + [verb[form]] + thing(d, either(d)) + ["?"]


def passive(d, noun, verb, wrong=None):
    number = SINGULAR if wrong == "determiner" else either(d)
    mistake = wrong if wrong in ("determiner", "number", "adjective", "article") else None
    be = d.pick([("is", "are"), ("was", "were")])[1 - number if wrong == "agreement" else number]
    form = d.pick([BASE, THIRD]) if wrong == "form" else PARTICIPLE
    extra = thing(d, either(d)) if wrong == "object" else []
    return (thing(d, number, mistake, place=0.3) + [be, verb[form]] + extra + ["by"]
            + person(d, either(d), None, noun))


def comparing(d, noun, adjective, wrong=None):
    number = either(d)
    be = ("is", "are")[1 - number if wrong == "agreement" else number]
    degree = [adjective[1]]
    if wrong == "degree":  # more taller than, tall than
        degree = ["more", adjective[1]] if d.chance(0.5) else [adjective[0]]
    subject = person(d, number, None, noun, place=0.3)
    if wrong == "order":
        return subject + [be, "than"] + degree + person(d, either(d))
    return subject + [be] + degree + ["than"] + person(d, either(d))


def never(d, noun, verb, wrong=None):
    number = either(d)
    has = ("has", "have")[1 - number if wrong == "agreement" else number]
    form = d.pick([BASE, ING]) if wrong == "form" else PARTICIPLE
    tail = thing(d, either(d))
    if wrong == "polarity":  # the baker has ever mended a lamp
        return person(d, number, None, noun) + [has, "ever", verb[form]] + tail
    if d.chance(0.5):
        return person(d, number, None, noun) + [has, "never", verb[form]] + tail
    return ["no", noun[number], has, "ever", verb[form]] + tail


def relative(d, noun, verb, wrong=None):
    number = either(d)
    inside = wrong if wrong in ("agreement", "form") and d.chance(0.4) else None
    clause = ["who"] + verb_group(d, d.pick(TRANSITIVE), number, inside) + thing(d, either(d))
    group = verb_group(d, verb, number, None if inside else wrong)
    return person(d, number, None, noun) + clause + group


NOUN_MISTAKES = ("determiner", "number", "adjective", "article")
# name, function, its predicates, its mistakes
CONSTRUCTIONS = [
    ("transitive", transitive, TRANSITIVE,
     ("agreement", "form", "object", "order", "preposition") + NOUN_MISTAKES),
    ("intransitive", intransitive, INTRANSITIVE,
     ("agreement", "form", "object", "order", "preposition") + NOUN_MISTAKES),
    ("giving", giving, GIVING, ("agreement", "form", "order") + NOUN_MISTAKES),
    ("reflexive", reflexive, REFLEXIVE, ("reflexive", "reflexive", "agreement", "order")),
    ("pronoun", pronoun, REFLEXIVE, ("case", "case", "agreement", "form")),
    ("saying", saying, SAYING, ("agreement", "form", "object")),
    ("question", question, TRANSITIVE, ("agreement", "form", "order", "gap")),
    ("passive", passive, TRANSITIVE, ("agreement", "form", "object") + NOUN_MISTAKES),
    ("comparing", comparing, COMPARED, ("degree", "degree", "agreement", "order")),
    ("never", never, TRANSITIVE, ("polarity", "agreement", "form")),
    ("relative", relative, INTRANSITIVE, ("agreement", "form")),
]


def split_of(subject, predicate):
    """The split that owns a pairing of subject and predicate, both by their place in the lists."""
    return {8: "dev", 9: "test"}.get((subject + 3 * predicate) % 10, "train")


def write(tokens):
    """Tokens to text: a capital at the start, a full stop or question mark at the end."""
    end = "."
    if tokens[-1] == "?":
        tokens, end = tokens[:-1], "?"
    text = " ".join(tokens) + end
    return text[0].upper() + text[1:]


def sentence(d, split, acceptable):
    """Draws one sentence of `split`: (construction, text)."""
    while True:
        name, build, predicates, mistakes = d.pick(CONSTRUCTIONS)
        subject, predicate = d.index(len(PEOPLE)), d.index(len(predicates))
        if split_of(subject, predicate) == split:
            break
    wrong = None if acceptable else d.pick(mistakes)
    return name, write(build(d, PEOPLE[subject], predicates[predicate], wrong))

# SPDX-License-Identifier: Apache-2.0
