/* Evenhand's compiled core: texts to tokens, features, scores and exact explanations.
 *
 * Plain C11 without global state. Every array belongs to the caller (numpy) unless a function says otherwise;
 * offsets of texts count Unicode code points.
 */
#ifndef EVENHAND_CORE_H
#define EVENHAND_CORE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum { SPACE, LETTER, DIGIT, SYMBOL, EMOJI, REGIONAL, UNSEEN, MARK };
enum { WORD, SIGNS, PICTURE };
enum { MOST_WANTED = 300, NO_TARGET = INT32_MAX };
enum { URL_WORD, USER_WORD, FIRST_OWN_WORD };
enum { LONGEST = 24, LETTERS_JOINED = 64 };

/* Salts: what kind of thing a key stands for. */
enum { KEY_WORD = 1, KEY_PAIR, KEY_SKIP, KEY_CHARS, KEY_SQUEEZED, KEY_SHORTENED, KEY_MASKED, KEY_SWAPPED };

/* ml.codepoints: how every code point folds. */
typedef struct {
    const uint16_t *page;
    const uint8_t *kind;
    const uint8_t *size;
    const int32_t *at;
    const uint32_t *latin;
    const uint32_t *pool;
} Points;

/* An open-addressing table. A place tells keys apart by their upper half, and by where it stands in the table: with a million
 * keys, one lookup of an unknown key in some 10^9 finds a wrong one, always the same. */
typedef struct {
    uint32_t tag;
    int32_t number; /* the value + 1; 0 where the place is empty */
} Place;

typedef struct {
    uint64_t mask;
    Place *places;
} Table;

/* Known words: word w is pool[at[w] .. at[w + 1]). */
typedef struct {
    int64_t size;
    const int32_t *at;
    const uint32_t *pool;
    const int32_t *rank; /* how much a word is worth finding behind an evasion, 0 the most; below MOST_WANTED, behind a slip of
                          * the pen too; NO_TARGET is not worth it */
    const uint8_t *common; /* stands by itself, however short */
    Table words;
    Table variants;
} Lexicon;

typedef struct {
    uint32_t code;
    uint32_t latin;
    int32_t start;
    int32_t end;
    uint8_t kind;
} Char;

typedef struct {
    uint64_t key;
    int32_t start; /* range in the text as given */
    int32_t end;
    int32_t at; /* range in the folded characters */
    int32_t size;
    int32_t word; /* number in the lexicon, or -1 */
    uint8_t sort;
    uint8_t gap; /* whether something parts it from the token before */
} Token;

/* Room for one text, grown as needed. */
typedef struct {
    Char *chars;
    Token *tokens;
    int64_t room;
} Pad;

static inline uint64_t step(uint64_t state, uint32_t code) { return (state ^ code) * 0x100000001B3ULL; }

#define SEED 0xCBF29CE484222325ULL

/* splitmix64's finaliser; never 0. */
static inline uint64_t finish(uint64_t state, int salt) {
    uint64_t x = state + (uint64_t)salt * 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    x ^= x >> 31;
    return x ? x : 1;
}

static inline int32_t find(const Table *table, uint64_t key) {
    for (uint64_t at = key & table->mask; table->places[at].number; at = (at + 1) & table->mask)
        if (table->places[at].tag == key >> 32) return table->places[at].number - 1;
    return -1;
}

/* Store a value unless the key is there already; the value that stands. */
static inline int32_t put(Table *table, uint64_t key, int32_t value) {
    uint64_t at = key & table->mask;
    for (; table->places[at].number; at = (at + 1) & table->mask)
        if (table->places[at].tag == key >> 32) return table->places[at].number - 1;
    table->places[at] = (Place){(uint32_t)(key >> 32), value + 1};
    return value;
}

/* Make room; false without memory. */
bool pad_reserve(Pad *pad, int64_t chars);
void pad_free(Pad *pad);

/* Tokens of a text, into the pad; their number, or -1 without memory. */
int64_t tokenise(const uint32_t *text, int64_t size, const Points *points, const Lexicon *lexicon, Pad *pad);

/* Takes the key of one occurrence of a feature, and the tokens that it stands in (twice the same, unless it is a pair). */
typedef void (*Sink)(void *to, uint64_t key, int32_t first, int32_t second);

enum { SHORTEST_GRAM = 2, LONGEST_GRAM = 5 };

/* The 2- to 5-grams of ` token `, as its text has it or, where it hides a known word, as that word is written; then the word
 * itself, unless the token is signs. `pad` may be NULL for a token that is a known word. */
void features_of_token(const Token *token, int32_t number, const Lexicon *lexicon, const Pad *pad, Sink chars, Sink words,
                       void *to);

/* Pairs of neighbouring words, symbols between them or not; with `skips`, those with one word between too. */
void features_of_pairs(const Token *tokens, int64_t count, bool skips, Sink words, void *to);

uint64_t key_of_word(const Lexicon *lexicon, int32_t word);

/* What the values of a text's word block (0) or character block (1) are multiplied by, from the sum of their squares: half way
 * between a length of 1 and the length as it is, for a long text says more than a short one, but not as much more as it is longer. */
static inline double scale_of_block(double squares, int block) {
    static const double typical[2] = {36.0, 44.0};
    return squares > 0.0 ? 1.0 / sqrt(sqrt(squares) * typical[block]) : 0.0;
}

static inline bool grow(void **array, int64_t items, size_t size) {
    void *grown = realloc(*array, (size_t)items * size);
    if (grown) *array = grown;
    return grown != NULL;
}

#endif
