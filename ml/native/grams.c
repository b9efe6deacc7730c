/* Which features a token and a row of tokens have. */
#include "core.h"

static void grams(const uint32_t *codes, size_t stride, int64_t size, int32_t token, Sink sink, void *to) {
    const char *base = (const char *)codes;
    for (int64_t i = -1; i < size; i++) {
        uint64_t state = SEED;
        for (int64_t k = i; k < i + LONGEST_GRAM && k <= size; k++) {
            state = step(state, k < 0 || k == size ? ' ' : *(const uint32_t *)(base + (size_t)k * stride));
            if (k - i + 1 >= SHORTEST_GRAM) sink(to, finish(state, KEY_CHARS), token, token);
        }
    }
}

static bool is_word(const Token *token) { return token->sort != SIGNS; }

void features_of_token(const Token *token, int32_t number, const Lexicon *lexicon, const Pad *pad, Sink chars, Sink words,
                       void *to) {
    if (token->word >= 0) {
        int32_t at = lexicon->at[token->word];
        grams(lexicon->pool + at, sizeof(uint32_t), lexicon->at[token->word + 1] - at, number, chars, to);
    } else {
        grams(&pad->chars[token->at].code, sizeof(Char), token->size, number, chars, to);
    }
    if (is_word(token)) words(to, finish(token->key, KEY_WORD), number, number);
}

static uint64_t pair_key(const Token *left, const Token *right, int salt) {
    return finish((left->key * 0x9E3779B97F4A7C15ULL) ^ right->key, salt);
}

void features_of_pairs(const Token *tokens, int64_t count, bool skips, Sink words, void *to) {
    int64_t last = -1, before = -1;
    for (int64_t t = 0; t < count; t++) {
        if (!is_word(&tokens[t])) continue;
        if (last >= 0) words(to, pair_key(&tokens[last], &tokens[t], KEY_PAIR), (int32_t)last, (int32_t)t);
        if (skips && before >= 0)
            words(to, pair_key(&tokens[before], &tokens[t], KEY_SKIP), (int32_t)before, (int32_t)t);
        before = last;
        last = t;
    }
}
