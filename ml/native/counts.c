/* In how many texts each feature, and each word, occurs: what a vocabulary and a lexicon are chosen by. */
#include "core.h"

#include <string.h>

typedef struct {
    Table table; /* key to number, 0 and up */
    int64_t count;
    int64_t room;
    uint64_t *keys;
    int32_t *texts;
    int32_t *last;
    uint8_t *is_word;
    int32_t text;
    int64_t failed;
} Counter;

Counter *eh_counter_new(void) {
    Counter *counter = calloc(1, sizeof(Counter));
    if (!counter) return NULL;
    counter->table.mask = (1 << 16) - 1;
    counter->table.places = calloc(1 << 16, sizeof(Place));
    counter->text = -1;
    return counter;
}

void eh_counter_free(Counter *counter) {
    if (!counter) return;
    free(counter->table.places);
    free(counter->keys);
    free(counter->texts);
    free(counter->last);
    free(counter->is_word);
    free(counter);
}

static bool widen(Counter *counter) {
    if (counter->count == counter->room) {
        int64_t room = counter->room ? counter->room * 2 : 1 << 15;
        if (!grow((void **)&counter->keys, room, sizeof(uint64_t)) || !grow((void **)&counter->texts, room, sizeof(int32_t)) ||
            !grow((void **)&counter->last, room, sizeof(int32_t)) || !grow((void **)&counter->is_word, room, 1))
            return false;
        counter->room = room;
    }
    if (2 * counter->count < (int64_t)counter->table.mask) return true;
    uint64_t size = (counter->table.mask + 1) * 2;
    Table wider = {size - 1, calloc(size, sizeof(Place))};
    if (!wider.places) return false;
    for (int64_t number = 0; number < counter->count; number++) put(&wider, counter->keys[number], (int32_t)number);
    free(counter->table.places);
    counter->table = wider;
    return true;
}

static void tally(Counter *counter, uint64_t key, uint8_t is_word) {
    if (counter->failed || !widen(counter)) {
        counter->failed = 1;
        return;
    }
    int32_t number = put(&counter->table, key, (int32_t)counter->count);
    if (number == counter->count) {
        counter->keys[number] = key;
        counter->texts[number] = 0;
        counter->last[number] = -1;
        counter->is_word[number] = is_word;
        counter->count++;
    }
    if (counter->last[number] == counter->text) return;
    counter->last[number] = counter->text;
    counter->texts[number]++;
}

static void tally_chars(void *to, uint64_t key, int32_t first, int32_t second) {
    (void)first, (void)second;
    tally(to, key, 0);
}

static void tally_word(void *to, uint64_t key, int32_t first, int32_t second) {
    (void)first, (void)second;
    tally(to, key, 1);
}

/* Count in how many texts each feature occurs; returns how many features are known now, or -1 without memory. */
int64_t eh_count(Counter *counter, const uint32_t *codes, const int64_t *offsets, int64_t texts, const Points *points,
                 const Lexicon *lexicon, int64_t skips) {
    Pad pad = {0};
    for (int64_t r = 0; r < texts && !counter->failed; r++) {
        counter->text++;
        int64_t tokens = tokenise(codes + offsets[r], offsets[r + 1] - offsets[r], points, lexicon, &pad);
        counter->failed = tokens < 0;
        for (int64_t t = 0; t < tokens; t++)
            features_of_token(&pad.tokens[t], 0, lexicon, &pad, tally_chars, tally_word, counter);
        if (tokens > 0) features_of_pairs(pad.tokens, tokens, skips, tally_word, counter);
    }
    pad_free(&pad);
    return counter->failed ? -1 : counter->count;
}

/* Copy out what was counted, `count` long each. */
void eh_counter_copy(const Counter *counter, uint64_t *keys, int32_t *texts, uint8_t *is_word) {
    memcpy(keys, counter->keys, (size_t)counter->count * sizeof(uint64_t));
    memcpy(texts, counter->texts, (size_t)counter->count * sizeof(int32_t));
    memcpy(is_word, counter->is_word, (size_t)counter->count);
}

/* --- words --- */

/* Words with what they are written as, and in how many texts with which label each occurs. */
typedef struct {
    Counter *words;
    int64_t labels;
    int64_t *counts; /* (words, 2 * labels): texts labelled no, then yes, a label */
    int64_t counts_room;
    int64_t *at; /* word w is pool[at[w] .. at[w + 1]) */
    uint32_t *pool;
    int64_t pool_used;
    int64_t pool_room;
} WordCounter;

WordCounter *eh_word_counter_new(int64_t labels) {
    WordCounter *counter = calloc(1, sizeof(WordCounter));
    if (!counter) return NULL;
    counter->labels = labels;
    counter->words = eh_counter_new();
    if (counter->words) return counter;
    free(counter);
    return NULL;
}

void eh_word_counter_free(WordCounter *counter) {
    if (!counter) return;
    eh_counter_free(counter->words);
    free(counter->counts);
    free(counter->at);
    free(counter->pool);
    free(counter);
}

/* Keep what a word seen for the first time is written as. */
static bool remember(WordCounter *counter, const Char *chars, int64_t size) {
    int64_t number = counter->words->count - 1, width = 2 * counter->labels;
    if (counter->words->room > counter->counts_room) {
        int64_t room = counter->words->room;
        if (!grow((void **)&counter->counts, room * width + 1, sizeof(int64_t)) ||
            !grow((void **)&counter->at, room + 1, sizeof(int64_t)))
            return false;
        counter->counts_room = room;
    }
    if (counter->pool_used + size > counter->pool_room) {
        int64_t room = 2 * (counter->pool_used + size) + 1024;
        if (!grow((void **)&counter->pool, room, sizeof(uint32_t))) return false;
        counter->pool_room = room;
    }
    memset(counter->counts + number * width, 0, (size_t)width * sizeof(int64_t));
    counter->at[number] = counter->pool_used;
    for (int64_t k = 0; k < size; k++) counter->pool[counter->pool_used++] = chars[k].code;
    counter->at[number + 1] = counter->pool_used;
    return true;
}

/* Count the words of texts as they stand, evasion not undone beyond look-alikes; `labels` (texts, labels) holds 0, 1 or -1
 * for unknown. Links and handles are left out. Returns how many words are known now, or -1 without memory. */
int64_t eh_count_words(WordCounter *counter, const uint32_t *codes, const int64_t *offsets, int64_t texts, const int8_t *labels,
                       const Points *points, const Lexicon *nothing) {
    Pad pad = {0};
    Counter *words = counter->words;
    for (int64_t r = 0; r < texts && !words->failed; r++) {
        words->text++;
        int64_t tokens = tokenise(codes + offsets[r], offsets[r + 1] - offsets[r], points, nothing, &pad);
        words->failed = tokens < 0;
        for (int64_t t = 0; t < tokens && !words->failed; t++) {
            const Token *token = &pad.tokens[t];
            if (token->sort == SIGNS || token->word >= 0) continue;
            int64_t before = words->count;
            tally(words, token->key, 1);
            if (words->failed) break;
            if (words->count > before && !remember(counter, pad.chars + token->at, token->size)) words->failed = 1;
        }
        for (int64_t t = 0; t < tokens && !words->failed; t++) {
            const Token *token = &pad.tokens[t];
            if (token->sort == SIGNS || token->word >= 0) continue;
            int32_t number = find(&words->table, token->key);
            if (words->last[number] != words->text) continue;
            words->last[number] = -2 - words->text; /* counted for this text */
            for (int64_t p = 0; p < counter->labels; p++) {
                int8_t label = labels[r * counter->labels + p];
                if (label >= 0) counter->counts[(number * counter->labels + p) * 2 + label]++;
            }
        }
    }
    pad_free(&pad);
    return words->failed ? -1 : words->count;
}

int64_t eh_word_counter_letters(const WordCounter *counter) { return counter->pool_used; }

/* Copy out: `texts` (words), `counts` (words, labels, 2), `at` (words + 1), `pool` (letters). */
void eh_word_counter_copy(const WordCounter *counter, int32_t *texts, int64_t *counts, int64_t *at, uint32_t *pool) {
    int64_t words = counter->words->count;
    if (words == 0) {
        at[0] = 0;
        return;
    }
    memcpy(texts, counter->words->texts, (size_t)words * sizeof(int32_t));
    memcpy(counts, counter->counts, (size_t)(words * counter->labels * 2) * sizeof(int64_t));
    memcpy(at, counter->at, (size_t)(words + 1) * sizeof(int64_t));
    memcpy(pool, counter->pool, (size_t)counter->pool_used * sizeof(uint32_t));
}
