"""Polarity, quantifiers, ellipsis, comparison, verb forms and the order of words."""

from words import BASE, BE_PRESENT, DO, HAVE, ING, PARTICIPLE, PAST, PLURAL, SINGULAR


def polarity(w):
    """No baker / *every baker has ever fetched a lamp."""
    rest = ["has", "ever", w.word("transitive").forms[PARTICIPLE]] + w.thing()
    noun = w.word("person").forms[SINGULAR]
    right = w.pick([["no"], ["no"], ["hardly", "any"]])
    return right + [noun] + rest, [w.pick(["every", "this", "the"]), noun] + rest


def polarity_scope(w):
    """No lamp that the king broke has ever / *the lamp that no king broke has ever fallen."""
    thing, person = w.word("thing").forms[SINGULAR], w.word("person").forms[SINGULAR]
    clause = [w.word("transitive").forms[PAST], "has", "ever", w.word("change").forms[PARTICIPLE]]
    return (["no", thing, "that", "the", person] + clause,
            ["the", thing, "that", "no", person] + clause)


def polarity_embedded(w):
    """The king asked whether / *said that the baker had ever sneezed."""
    first, (verb, rest) = w.word("person"), w.tail()
    head = w.person(None, first)
    clause = w.person(None, w.word("person", [first])) + ["had", "ever", verb.forms[PARTICIPLE]]
    clause += rest
    return (head + [w.pick(["asked", "wondered"]), "whether"] + clause,
            head + [w.word("saying").forms[PAST], "that"] + clause)


def definiteness(w):
    """There is a lamp / *there is every lamp in the hall."""
    if w.chance(0.5):
        noun, be = w.word("thing").forms[PLURAL], w.pick(["are", "were"])
        right, wrong = w.pick(["many", "some", "few", "two"]), w.pick(["all", "most", "both"])
    else:
        noun, be = w.word("thing").forms[SINGULAR], w.pick(["is", "was"])
        right, wrong = w.pick(["one", "no"]), w.pick(["every", "each"])
    tail = [noun] + w.where()
    return ["there", be, right] + tail, ["there", be, wrong] + tail


def ellipsis_verb(w):
    """The baker sneezed and the king did / *was too."""
    first, (verb, rest) = w.word("person"), w.tail()
    head = w.person(SINGULAR, first) + [verb.forms[PAST]] + rest + ["and"]
    head += w.person(SINGULAR, w.word("person", [first]))
    return head + ["did", "too"], head + [w.pick(["was", "has"]), "too"]


def ellipsis_noun(w):
    """The baker fetched two red cups and the king fetched three / *and the king fetched three red:
    what is left out is the whole of adjective and noun."""
    verb, noun = w.word("transitive").forms[PAST], w.word("thing").forms[PLURAL]
    adjective, first = w.text("adjective_thing"), w.word("person")
    subject, other = w.person(None, first), w.person(None, w.word("person", [first]))
    few, more = w.pick([("one", "two"), ("two", "three"), ("three", "several")])
    noun = w.word("thing").forms[SINGULAR] if few == "one" else noun
    head = subject + [verb, few]
    tail = ["and"] + other + [verb, more]
    return head + [adjective, noun] + tail, head + [noun] + tail + [adjective]


def comparison(w):
    """The king is taller than / *more taller than / *tall than the baker."""
    number, (base, more) = w.number(), w.word("compared").forms
    first = w.word("person")
    head = w.person(number, first) + [BE_PRESENT[number]]
    tail = ["than"] + w.person(None, w.word("person", [first]))
    wrong = ["more", more] if w.chance(0.5) else [base]
    return head + [more] + tail, head + wrong + tail


def verb_form(w):
    """The baker has taken / *took, will take / *taking the lamp."""
    number, verb = w.number(), w.word("transitive")
    kind = w.pick(["perfect", "modal", "negation"])
    auxiliary, right, wrong = {
        "perfect": ([HAVE[number]], PARTICIPLE, [BASE, ING]),
        "modal": ([w.pick(["will", "can", "must"])], BASE, [ING, PAST]),
        "negation": ([DO[number], "not"], BASE, [PAST, ING]),
    }[kind]
    wrong = [form for form in wrong if verb.forms[form] != verb.forms[right]]
    head, gift = w.person(number) + auxiliary, w.thing()
    return head + [verb.forms[right]] + gift, head + [verb.forms[w.pick(wrong)]] + gift


def adverb_order(w):
    """The baker quickly fetched the lamp / *fetched quickly the lamp."""
    subject, verb, adverb = w.person(), w.word("transitive").forms[PAST], w.text("manner")
    gift, tail = w.thing(), w.perhaps_where()
    return subject + [adverb, verb] + gift + tail, subject + [verb, adverb] + gift + tail


PHENOMENA = [polarity, polarity_scope, polarity_embedded, definiteness, ellipsis_verb,
             ellipsis_noun, comparison, verb_form, adverb_order]

# SPDX-License-Identifier: Apache-2.0
