"""Argument structure, raising and control: what a verb or an adjective combines with."""

from words import BASE, BE_PAST, DETERMINERS, ING, PARTICIPLE, PAST, SINGULAR


def transitivity(w):
    """The baker fetched the lamp / *the baker fetched; the baker sneezed / *sneezed the lamp."""
    subject, where = w.person(), w.where()
    if w.chance(0.5):
        head = subject + [w.word("transitive").forms[PAST]]
        return head + w.thing() + where, head + where
    head = subject + [w.word("intransitive").forms[PAST]]
    return head + where, head + w.thing() + where


def inchoative(w):
    """The cup broke / *the cup fetched: verbs of change alone do without the one who acts."""
    subject, tail = w.thing(), w.perhaps_where(0.5)
    adverb = [w.pick(["suddenly", "yesterday", "again"])] if not tail else tail
    right, wrong = w.word("change"), w.word("transitive")
    return subject + [right.forms[PAST]] + adverb, subject + [wrong.forms[PAST]] + adverb


def dative(w):
    """The baker gave the king the lamp / *the baker described the king the lamp."""
    right, wrong = w.word("giving"), w.word("donating")
    subject, receiver, gift = w.person(), w.person(), w.thing()
    return (subject + [right.forms[PAST]] + receiver + gift,
            subject + [wrong.forms[PAST]] + receiver + gift)


def passive(w):
    """The lamp was fetched / *was sneezed by the baker."""
    number = w.number()
    head, agent = w.person(number) + [BE_PAST[number]], ["by"] + w.person()
    right, wrong = w.word("social"), w.word("intransitive")
    return head + [right.forms[PARTICIPLE]] + agent, head + [wrong.forms[PARTICIPLE]] + agent


def animate_subject(w):
    """The baker / *the lamp praised the king."""
    number, verb = w.number(), w.word("social")
    rest = w.finite(verb, number) + w.person()
    determiner = w.pick(DETERMINERS[number])
    return (w.phrase(w.word("person"), number, determiner) + rest,
            w.phrase(w.word("thing"), number, determiner) + rest)


def raising(w):
    """There seems / *tries to be a lamp in the hall."""
    right, wrong = w.word("raising"), w.word("control")
    pivot = w.phrase(w.word("thing"), SINGULAR, "a", w.text("adjective_thing"))
    rest = ["to", "be"] + pivot + w.where()
    return ["there", right.forms[PAST]] + rest, ["there", wrong.forms[PAST]] + rest


def tough(w):
    """It is easy / *eager to praise the king."""
    be, rest = w.pick(["is", "was"]), ["to", w.word("social").forms[BASE]] + w.person()
    head, tail = ["it", be], w.perhaps_where()
    return head + [w.text("tough")] + rest + tail, head + [w.text("eager")] + rest + tail


def complement_form(w):
    """The baker enjoyed fetching / *to fetch the lamp; hoped to fetch / *fetching."""
    subject, verb, gift = w.person(), w.word("transitive"), w.thing()
    gerund, infinitive = [verb.forms[ING]] + gift, ["to", verb.forms[BASE]] + gift
    if w.chance(0.5):
        head = subject + [w.word("gerund").forms[PAST]]
        return head + gerund, head + infinitive
    head = subject + [w.word("control").forms[PAST]]
    return head + infinitive, head + gerund


PHENOMENA = [transitivity, inchoative, dative, passive, animate_subject, raising, tough,
             complement_form]

# SPDX-License-Identifier: Apache-2.0
