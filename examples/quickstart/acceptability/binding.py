"""Anaphora and case: which noun phrase a pronoun may or must refer to, and its form."""

from words import PLURAL, REFLEXIVES, SINGULAR


def reflexive_of(noun, number):
    return "themselves" if number == PLURAL else REFLEXIVES[noun.gender]


def anaphor_gender(w):
    """The queen admires herself / *himself."""
    noun, verb = w.word("person", gender="known"), w.word("social")
    head = w.person(SINGULAR, noun) + w.finite(verb, SINGULAR)
    right, tail = REFLEXIVES[noun.gender], w.perhaps_where()
    wrong = "herself" if right == "himself" else "himself"
    return head + [right] + tail, head + [wrong] + tail


def anaphor_number(w):
    """The queens admire themselves / *herself."""
    number, noun = w.number(), w.word("person", gender="known")
    head, tail = w.person(number, noun) + w.finite(w.word("social"), number), w.perhaps_where()
    return (head + [reflexive_of(noun, number)] + tail,
            head + [reflexive_of(noun, 1 - number)] + tail)


def anaphor_domain(w):
    """The queen thinks that the boys praise themselves / *herself: the subject of its own clause
    binds it."""
    outer_number = w.number()
    outer = w.word("person", gender="known")
    inner = w.word("person", [outer], gender="known")
    saying, verb = w.word("saying"), w.word("social")
    head = w.person(outer_number, outer) + [saying.forms[2], "that"]
    head += w.person(1 - outer_number, inner) + [verb.forms[2]]
    return (head + [reflexive_of(inner, 1 - outer_number)],
            head + [reflexive_of(outer, outer_number)])


def reciprocal(w):
    """The boys / *the boy thanked each other."""
    noun, verb, tail = w.word("person"), w.word("social"), w.perhaps_where()
    adjective = w.text("adjective_person") if w.chance(0.4) else None
    rest = [verb.forms[2], "each", "other"] + tail
    return (w.phrase(noun, PLURAL, "the", adjective) + rest,
            w.phrase(noun, SINGULAR, "the", adjective) + rest)


def pronoun_case(w):
    """She praised him / *her praised he."""
    subject, other = w.pick([("he", "him"), ("she", "her"), ("they", "them"), ("we", "us")])
    number = SINGULAR if subject in ("he", "she") else PLURAL
    verb, tail = w.word("social"), w.perhaps_where()
    if w.chance(0.5):
        rest = w.finite(verb, number) + w.person() + tail
        return [subject] + rest, [other] + rest
    number = w.number()
    head = w.person(number) + w.finite(verb, number)
    return head + [other] + tail, head + [subject] + tail


PHENOMENA = [anaphor_gender, anaphor_number, anaphor_domain, reciprocal, pronoun_case]

# SPDX-License-Identifier: Apache-2.0
