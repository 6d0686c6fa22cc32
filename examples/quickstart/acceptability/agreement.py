"""Agreement of subject and verb, and of determiner and noun.

A phenomenon is a function that draws from Words and returns (acceptable, unacceptable): token lists
that differ in the one thing its name says.
"""

from words import BE_PAST, BE_PRESENT, PLURAL, SINGULAR, present


def subject_verb(w):
    """The children sleep / *sleeps."""
    number = w.number()
    subject, (verb, rest) = w.person(number), w.tail()
    right, wrong = w.marked(verb, number)
    return subject + right + rest, subject + wrong + rest


def attractor_preposition(w):
    """The key beside the cups is / *are heavy: the nearer noun has the other number."""
    number = w.number()
    first = w.word("thing")
    subject = w.thing(number, first)
    attractor = [w.pick(["near", "beside", "behind", "under"])]
    attractor += w.thing(1 - number, w.word("thing", [first]))
    be, state = w.pick([BE_PRESENT, BE_PAST]), w.text("adjective_thing")
    return (subject + attractor + [be[number], state],
            subject + attractor + [be[1 - number], state])


def attractor_relative(w):
    """The girl who praises the boys smiles / *smile."""
    number = w.number()
    noun = w.word("person")
    inner = w.word("social")
    clause = ["who", inner.forms[present(number)]] + w.person(1 - number, w.word("person", [noun]))
    verb, rest = w.tail()
    right, wrong = w.marked(verb, number)
    subject = w.person(number, noun) + clause
    return subject + right + rest, subject + wrong + rest


def coordination(w):
    """The baker and the nurse sing / *sings. (Every baker and every nurse sings.)"""
    first = w.word("person")
    second = w.word("person", [first])
    subject = w.phrase(first, SINGULAR, w.pick(["the", "a", "this"])) + ["and"]
    subject += w.phrase(second, SINGULAR, w.pick(["the", "a", "that"]))
    verb, rest = w.tail()
    right, wrong = w.marked(verb, PLURAL)
    return subject + right + rest, subject + wrong + rest


def existential(w):
    """There are / *is two lamps in the hall."""
    number = w.number()
    determiner = w.pick((["a", "one"], ["two", "some", "many"])[number])
    pivot = w.phrase(w.word("thing"), number, determiner, w.text("adjective_thing"))
    be, where = w.pick([BE_PRESENT, BE_PAST]), w.where()
    return ["there", be[number]] + pivot + where, ["there", be[1 - number]] + pivot + where


def determiner_noun(w):
    """This lamp / *this lamps, these lamps / *these lamp."""
    number = w.number()
    determiner = w.pick((["this", "that", "a", "every"], ["these", "those", "many", "two"])[number])
    noun = w.word("thing")
    verb, subject = w.word("transitive"), w.person()
    head = subject + [verb.forms[2]]
    return (head + w.phrase(noun, number, determiner), head + w.phrase(noun, 1 - number, determiner))


def determiner_adjective_noun(w):
    """The same with an adjective between."""
    number = w.number()
    determiner = w.pick((["this", "that"], ["these", "those", "several"])[number])
    noun, adjective = w.word("thing"), w.text("adjective_thing")
    verb, subject = w.word("transitive"), w.person()
    head, tail = subject + [verb.forms[2]], w.perhaps_where()
    return (head + w.phrase(noun, number, determiner, adjective) + tail,
            head + w.phrase(noun, 1 - number, determiner, adjective) + tail)


def mass_noun(w):
    """Much water / *much lamps, many lamps / *many water."""
    subject, verb, tail = w.person(), w.word("transitive"), w.perhaps_where()
    head = subject + [verb.forms[2]]
    mass, count = w.text("mass"), w.word("thing").forms[PLURAL]
    right, wrong = w.pick([("much", "many"), ("little", "few")])
    if w.chance(0.5):
        return head + [right, mass] + tail, head + [wrong, mass] + tail
    return head + [wrong, count] + tail, head + [right, count] + tail


PHENOMENA = [subject_verb, attractor_preposition, attractor_relative, coordination, existential,
             determiner_noun, determiner_adjective_noun, mass_noun]

# SPDX-License-Identifier: Apache-2.0
