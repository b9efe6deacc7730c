/* In how many texts each feature, and each word, occurs: what a vocabulary and a lexicon are chosen by. */
#include "core.h"

#include <string.h>

/* What is known of one feature, together because it is looked at together. */
typedef struct {
    int32_t texts;
    int32_t last;  /* the text it was last seen in */
    int32_t place; /* its entry of that text, from the text's first */
    int32_t is_word;
} Seen;

typedef struct {
    Table table; /* key to number, 0 and up */
    int64_t count;
    int64_t room;
    uint64_t *keys;
    Seen *seen;
    int32_t text;
    int64_t failed;
    bool recording; /* whether to keep which features each text has, and how often */
    int64_t entries;
    int64_t entries_room;
    int32_t *entry; /* numbers of features, text by text */
    int32_t *times;
    int64_t *row_at; /* text r has the entries row_at[r] .. row_at[r + 1] */
    int64_t rows_room;
    int64_t (*list_at)[2]; /* by word of the lexicon: where its features begin in `list` and end, the same until it was seen */
    int32_t *list;
    int64_t listed;
    int64_t list_room;
    bool listing;
    uint64_t *sought; /* keys of the text's pairs, looked up only when their places had time to arrive */
    int64_t sought_count;
    int64_t sought_room;
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
    free(counter->seen);
    free(counter->entry);
    free(counter->times);
    free(counter->row_at);
    free(counter->list_at);
    free(counter->list);
    free(counter->sought);
    free(counter);
}

static bool widen(Counter *counter) {
    if (counter->count == counter->room) {
        int64_t room = counter->room ? counter->room * 2 : 1 << 15;
        if (!grow((void **)&counter->keys, room, sizeof(uint64_t)) || !grow((void **)&counter->seen, room, sizeof(Seen)))
            return false;
        counter->room = room;
    }
    if (2 * counter->count < (int64_t)counter->table.mask) return true;
    uint64_t size = (counter->table.mask + 1) * 4;
    Table wider = {size - 1, calloc(size, sizeof(Place))};
    if (!wider.places) return false;
    for (int64_t number = 0; number < counter->count; number++) put(&wider, counter->keys[number], (int32_t)number);
    free(counter->table.places);
    counter->table = wider;
    return true;
}

/* Note the first of a text's occurrences of a feature; false without memory. */
static bool record(Counter *counter, int32_t number) {
    if (counter->entries == counter->entries_room) {
        int64_t room = counter->entries_room ? 2 * counter->entries_room : 1 << 20;
        if (!grow((void **)&counter->entry, room, sizeof(int32_t)) || !grow((void **)&counter->times, room, sizeof(int32_t)))
            return false;
        counter->entries_room = room;
    }
    counter->seen[number].place = (int32_t)(counter->entries - counter->row_at[counter->text]);
    counter->entry[counter->entries] = number;
    counter->times[counter->entries++] = 1;
    return true;
}

/* Close the row of the text before and open the next; false without memory. */
static bool next_row(Counter *counter) {
    if (counter->text + 2 > counter->rows_room) {
        int64_t room = counter->rows_room ? 2 * counter->rows_room : 1 << 12;
        if (!grow((void **)&counter->row_at, room, sizeof(int64_t))) return false;
        counter->rows_room = room;
    }
    counter->row_at[counter->text] = counter->entries;
    return true;
}

/* Count one occurrence of a feature in the text at hand. */
static inline void see(Counter *counter, int32_t number) {
    Seen *seen = &counter->seen[number];
    if (seen->last == counter->text) {
        if (counter->recording) counter->times[counter->row_at[counter->text] + seen->place]++;
        return;
    }
    seen->last = counter->text;
    seen->texts++;
    if (counter->recording && !record(counter, number)) counter->failed = 1;
}

static void tally(Counter *counter, uint64_t key, uint8_t is_word) {
    if (counter->failed || !widen(counter)) {
        counter->failed = 1;
        return;
    }
    int32_t number = put(&counter->table, key, (int32_t)counter->count);
    if (number == counter->count) {
        counter->keys[number] = key;
        counter->seen[number] = (Seen){0, -1, 0, is_word};
        counter->count++;
    }
    if (counter->listing) {
        if (counter->listed == counter->list_room) {
            int64_t room = counter->list_room ? 2 * counter->list_room : 1 << 16;
            if (!grow((void **)&counter->list, room, sizeof(int32_t))) {
                counter->failed = 1;
                return;
            }
            counter->list_room = room;
        }
        counter->list[counter->listed++] = number;
    }
    see(counter, number);
}

static void tally_chars(void *to, uint64_t key, int32_t first, int32_t second) {
    (void)first, (void)second;
    tally(to, key, 0);
}

static void tally_word(void *to, uint64_t key, int32_t first, int32_t second) {
    (void)first, (void)second;
    tally(to, key, 1);
}

/* Count the features of a token; those of a known word are looked up once and listed. */
static void count_token(Counter *counter, const Token *token, const Lexicon *lexicon, const Pad *pad) {
    if (token->word < 0) {
        features_of_token(token, 0, lexicon, pad, tally_chars, tally_word, counter);
        return;
    }
    int64_t *at = counter->list_at[token->word];
    if (at[1] > at[0]) {
        for (int64_t k = at[0]; k < at[1] && !counter->failed; k++) see(counter, counter->list[k]);
        return;
    }
    at[0] = counter->listed;
    counter->listing = true;
    features_of_token(token, 0, lexicon, pad, tally_chars, tally_word, counter);
    counter->listing = false;
    at[1] = counter->listed;
}

static void seek_word(void *to, uint64_t key, int32_t first, int32_t second) {
    (void)first, (void)second;
    Counter *counter = to;
    if (counter->sought_count == counter->sought_room) {
        int64_t room = counter->sought_room ? 2 * counter->sought_room : 1 << 10;
        if (!grow((void **)&counter->sought, room, sizeof(uint64_t))) {
            counter->failed = 1;
            return;
        }
        counter->sought_room = room;
    }
    __builtin_prefetch(&counter->table.places[key & counter->table.mask]);
    counter->sought[counter->sought_count++] = key;
}

/* Room for the lists of the lexicon's words; false without memory. A counter serves one lexicon. */
static bool list_words(Counter *counter, const Lexicon *lexicon) {
    if (counter->list_at) return true;
    counter->list_at = calloc((size_t)lexicon->size + 1, sizeof *counter->list_at);
    return counter->list_at != NULL;
}

/* From now on keep what each text counted has; only before the first text. */
void eh_counter_record(Counter *counter) { counter->recording = true; }

/* Count in how many texts each feature occurs; returns how many features are known now, or -1 without memory. */
int64_t eh_count(Counter *counter, const uint32_t *codes, const int64_t *offsets, int64_t texts, const Points *points,
                 const Lexicon *lexicon, int64_t skips) {
    Pad pad = {0};
    if (!list_words(counter, lexicon)) counter->failed = 1;
    for (int64_t r = 0; r < texts && !counter->failed; r++) {
        counter->text++;
        int64_t tokens = tokenise(codes + offsets[r], offsets[r + 1] - offsets[r], points, lexicon, &pad);
        counter->failed = tokens < 0 || (counter->recording && !next_row(counter));
        counter->sought_count = 0;
        if (tokens > 0) features_of_pairs(pad.tokens, tokens, skips, seek_word, counter);
        for (int64_t t = 0; t < tokens; t++) count_token(counter, &pad.tokens[t], lexicon, &pad);
        for (int64_t k = 0; k < counter->sought_count; k++) tally(counter, counter->sought[k], 1);
    }
    pad_free(&pad);
    return counter->failed ? -1 : counter->count;
}

/* Copy out what was counted, `count` long each. */
void eh_counter_copy(const Counter *counter, uint64_t *keys, int32_t *texts, uint8_t *is_word) {
    memcpy(keys, counter->keys, (size_t)counter->count * sizeof(uint64_t));
    for (int64_t number = 0; number < counter->count; number++) {
        texts[number] = counter->seen[number].texts;
        is_word[number] = (uint8_t)counter->seen[number].is_word;
    }
}

/* Value the texts recorded, as features.c does. `column` is where a number's feature stands, -1
 * where it was not kept; those below `words` are the word block. `indptr` has room for one more than there are texts, the others for
 * all entries kept. */
void eh_counter_rows(const Counter *counter, const int32_t *column, const double *idf, int64_t words, int64_t *indptr,
                     int32_t *indices, float *values) {
    int64_t entries = 0;
    indptr[0] = 0;
    for (int64_t r = 0; r <= counter->text; r++) {
        int64_t end = r == counter->text ? counter->entries : counter->row_at[r + 1];
        double squares[2] = {0.0, 0.0};
        for (int64_t k = counter->row_at[r]; k < end; k++) {
            int32_t at = column[counter->entry[k]];
            if (at < 0) continue;
            double x = counter->times[k] == 1 ? idf[at] : (1.0 + log(counter->times[k])) * idf[at];
            squares[at >= words] += x * x;
            indices[entries] = at;
            values[entries++] = (float)x;
        }
        for (int block = 0; block < 2; block++) squares[block] = scale_of_block(squares[block], block);
        for (int64_t k = indptr[r]; k < entries; k++) values[k] *= (float)squares[indices[k] >= words];
        indptr[r + 1] = entries;
    }
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
            if (words->seen[number].last != words->text) continue;
            words->seen[number].last = -2 - words->text; /* counted for this text */
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
    for (int64_t word = 0; word < words; word++) texts[word] = counter->words->seen[word].texts;
    memcpy(counts, counter->counts, (size_t)(words * counter->labels * 2) * sizeof(int64_t));
    memcpy(at, counter->at, (size_t)(words + 1) * sizeof(int64_t));
    memcpy(pool, counter->pool, (size_t)counter->pool_used * sizeof(uint32_t));
}
