from pretraining.text.similarity import similar_pairs, words_of


def test_sentences_that_differ_in_a_number_or_in_case_say_the_same():
    texts = ["The liver is unremarkable.", "the LIVER is unremarkable (3)", "The liver has a cyst of 2 cm.", ""]
    similar = similar_pairs([words_of(text) for text in texts])
    assert similar.tolist() == [
        [True, True, False, False],
        [True, True, False, False],
        [False, False, True, False],
        [False, False, False, True],
    ]
