"""Questions and their gaps, and the islands that gaps may not be in."""

from words import BASE, ING, PAST


def wh_gap(w):
    """What did the baker fetch / *fetch the lamp?"""
    head = ["what", w.pick(["did", "will", "must"])] + w.person() + [w.word("transitive").forms[BASE]]
    tail = w.perhaps_where()
    return head + tail + ["?"], head + w.thing() + tail + ["?"]


def wh_or_that(w):
    """The king knew what / *that the baker fetched."""
    head = w.person() + [w.pick(["knew", "remembered", "forgot", "discovered"])]
    clause = w.person() + [w.word("transitive").forms[PAST]] + w.where()
    return head + ["what"] + clause, head + ["that"] + clause


def embedded_order(w):
    """The king asked what the baker had / *what had the baker fetched."""
    head = w.person() + [w.word("asking").forms[PAST], "what"]
    subject, modal = w.person(), w.pick(["would", "could", "should"])
    verb, tail = w.word("transitive").forms[BASE], w.perhaps_where()
    return head + subject + [modal, verb] + tail, head + [modal] + subject + [verb] + tail


def inversion(w):
    """What did the baker fetch / *what the baker did fetch?"""
    auxiliary, subject = w.pick(["did", "will", "can"]), w.person()
    tail = [w.word("transitive").forms[BASE]] + w.perhaps_where() + ["?"]
    word = w.pick(["what", "when", "why", "where"])
    tail = tail if word == "what" else [tail[0]] + w.thing() + ["?"]
    return [word, auxiliary] + subject + tail, [word] + subject + [auxiliary] + tail


def island_complex_noun(w):
    """Whom did the nurse claim that / *hear the claim that the king praised?"""
    head = ["whom", "did"] + w.person()
    clause = ["that"] + w.person() + [w.word("social").forms[PAST], "?"]
    noun = w.pick(["claim", "rumour", "story", "news"])
    return (head + [w.word("saying").forms[BASE]] + clause,
            head + [w.pick(["hear", "believe"]), "the", noun] + clause)


def island_adjunct(w):
    """Whom did the nurse greet before thanking the king / *greet the king before thanking?"""
    first = w.word("social")
    second = w.word("social", [first])
    head = ["whom", "did"] + w.person() + [first.forms[BASE]]
    link, person = [w.pick(["before", "after", "without"]), second.forms[ING]], w.person()
    return head + link + person + ["?"], head + person + link + ["?"]


def island_coordinate(w):
    """What did the baker fetch beside the lamp / *fetch the lamp and?"""
    head, thing = ["what", "did"] + w.person() + [w.word("transitive").forms[BASE]], w.thing()
    return head + [w.pick(["with", "beside"])] + thing + ["?"], head + thing + ["and", "?"]


def island_left_branch(w):
    """Whose lamp did the baker fetch / *whose did the baker fetch lamp?"""
    noun = w.word("thing").forms[w.number()]
    word = w.pick(["whose", "which"])
    clause = ["did"] + w.person() + [w.word("transitive").forms[BASE]]
    return [word, noun] + clause + ["?"], [word] + clause + [noun, "?"]


PHENOMENA = [wh_gap, wh_or_that, embedded_order, inversion, island_complex_noun, island_adjunct,
             island_coordinate, island_left_branch]

# SPDX-License-Identifier: Apache-2.0
