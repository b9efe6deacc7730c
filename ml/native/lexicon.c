/* The tables behind a lexicon, and tokens for whoever wants to look at them. */
#include "core.h"

uint64_t key_of_word(const Lexicon *lexicon, int32_t word) {
    uint64_t state = SEED;
    for (int32_t k = lexicon->at[word]; k < lexicon->at[word + 1]; k++) state = step(state, lexicon->pool[k]);
    return finish(state, KEY_WORD);
}

typedef struct {
    Table *table; /* NULL only counts */
    int64_t count;
} Variants;

static void keep(Variants *variants, uint64_t state, int salt, int32_t word) {
    if (variants->table) put(variants->table, finish(state, salt), word);
    variants->count++;
}

/* A word with the letters [a, b) and the letter c masked; c may be -1. */
static void mask(Variants *variants, const uint32_t *letters, int size, int a, int b, int c, int32_t word) {
    uint64_t state = SEED;
    for (int k = 0; k < size; k++) state = step(state, (k >= a && k < b) || k == c ? 0 : letters[k]);
    keep(variants, state, KEY_MASKED, word);
}

static void vary(Variants *variants, const uint32_t *letters, int size, int32_t word, bool slips) {
    for (int a = 0; a < size; a++)
        for (int b = a + 1; b <= size; b++)
            if (b - a < size) mask(variants, letters, size, a, b, -1, word);
    for (int a = 0; size > 3 && a < size; a++)
        for (int c = a + 2; c < size; c++) mask(variants, letters, size, a, a + 1, c, word);
    for (int a = 0; (size > 3 || slips) && a + 1 < size; a++) {
        if (letters[a] == letters[a + 1]) continue;
        uint64_t state = SEED;
        for (int k = 0; k < size; k++) state = step(state, letters[k == a ? a + 1 : k == a + 1 ? a : k]);
        keep(variants, state, KEY_SWAPPED, word);
    }
    for (int a = 1; slips && size > 4 && a < size; a++) {
        uint64_t state = SEED;
        for (int k = 0; k < size; k++)
            if (k != a) state = step(state, letters[k]);
        keep(variants, state, KEY_SHORTENED, word);
    }
}

/* Fill the table of variants of the targets, the most wanted first; without a table, count them. */
int64_t eh_variants(const Lexicon *lexicon, const int32_t *targets, int64_t count, Table *table) {
    Variants variants = {table, 0};
    for (int64_t t = 0; t < count; t++) {
        int32_t word = targets[t];
        int size = lexicon->at[word + 1] - lexicon->at[word];
        if (size >= 3 && size <= 16) vary(&variants, lexicon->pool + lexicon->at[word], size, word,
                                            lexicon->rank[word] < MOST_WANTED);
    }
    for (int64_t word = FIRST_OWN_WORD; word < lexicon->size; word++) {
        uint64_t state = SEED;
        bool repeats = false;
        for (int32_t k = lexicon->at[word]; k < lexicon->at[word + 1]; k++) {
            bool again = k > lexicon->at[word] && lexicon->pool[k] == lexicon->pool[k - 1];
            repeats |= again;
            if (!again) state = step(state, lexicon->pool[k]);
        }
        if (repeats) keep(&variants, state, KEY_SQUEEZED, (int32_t)word);
    }
    return variants.count;
}

void eh_words(const Lexicon *lexicon, Table *table) {
    for (int64_t word = 0; word < lexicon->size; word++) put(table, key_of_word(lexicon, (int32_t)word), (int32_t)word);
}

/* Fill a table of `count` keys with their places. */
void eh_index(const uint64_t *keys, int64_t count, Table *table) {
    for (int64_t at = 0; at < count; at++) put(table, keys[at], (int32_t)at);
}

/* Tokens of one text, `room` at most (as many as it folds to suffice), and the characters they stand for: token t is written as
 * `surface[surface_at[t] .. surface_at[t + 1])`. Returns their number; -1 without memory, -2 where room does not suffice. */
int64_t eh_tokens(const uint32_t *text, int64_t size, const Points *points, const Lexicon *lexicon, int32_t *start, int32_t *end,
                  uint8_t *sort, int32_t *word, int64_t room, uint32_t *surface, int64_t *surface_at, int64_t surface_room) {
    Pad pad = {0};
    int64_t count = tokenise(text, size, points, lexicon, &pad), used = 0;
    if (count > room) count = -2;
    for (int64_t t = 0; t < count; t++) {
        const Token *token = &pad.tokens[t];
        start[t] = token->start;
        end[t] = token->end;
        sort[t] = token->sort;
        word[t] = token->word;
        surface_at[t] = used;
        int64_t length = token->word >= 0 ? lexicon->at[token->word + 1] - lexicon->at[token->word] : token->size;
        if (used + length > surface_room) {
            count = -2;
            break;
        }
        for (int64_t k = 0; k < length; k++)
            surface[used++] = token->word >= 0 ? lexicon->pool[lexicon->at[token->word] + k] : pad.chars[token->at + k].code;
    }
    if (count >= 0) surface_at[count] = used;
    pad_free(&pad);
    return count;
}
