/* Features of texts: counted to find a vocabulary, valued for training, scored and explained for serving.
 *
 * Two blocks, each scaled to length 1: words (single words, pairs of neighbours, pairs with one word between) and characters
 * (2- to 5-grams of a token between two spaces). A value is (1 + ln count) * idf / length of its block. A feature of the word
 * block has a number below `words`.
 */
#include "core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_POLICIES = 32 };

/* What a model adds to a vocabulary: row f of `rows` is idf, mean, then a weight a policy. */
typedef struct {
    int64_t features;
    int64_t words;
    int64_t policies;
    int64_t skips; /* whether pairs with one word between are features */
    Table table;
    const int64_t *lists_at;
    const int32_t *lists; /* the features of each word of the lexicon, an occurrence at a time */
    const float *rows;
    const double *base;     /* a policy: logit at the expected features */
    const double *expected; /* a policy: sum of mean times weight */
} Scorer;

typedef struct {
    int32_t slot;
    int32_t first;
    int32_t second; /* the other token of a pair, or the same */
} Occurrence;

typedef struct {
    Pad pad;
    int64_t features;
    uint32_t text; /* number of the text at hand; a slot is valid where its stamp is this */
    uint32_t *stamp;
    int32_t *slot;
    int32_t *feature; /* by slot */
    int32_t *count;
    double *phi;
    int64_t slots;
    int64_t slot_room;
    Occurrence *seen;
    int64_t seen_count;
    int64_t seen_room;
    int32_t *span; /* by token */
} Workspace;

Workspace *eh_workspace_new(int64_t features) {
    Workspace *space = calloc(1, sizeof(Workspace));
    if (!space) return NULL;
    space->features = features;
    space->stamp = calloc((size_t)features + 1, sizeof(uint32_t));
    space->slot = malloc(((size_t)features + 1) * sizeof(int32_t));
    if (space->stamp && space->slot) return space;
    free(space->stamp);
    free(space->slot);
    free(space);
    return NULL;
}

void eh_workspace_free(Workspace *space) {
    if (!space) return;
    pad_free(&space->pad);
    free(space->stamp);
    free(space->slot);
    free(space->feature);
    free(space->count);
    free(space->phi);
    free(space->seen);
    free(space->span);
    free(space);
}

/* --- the vocabulary's lists of the lexicon's words --- */

typedef struct {
    const Table *table;
    int32_t *lists;
    int64_t count;
} Listing;

static void list(void *to, uint64_t key, int32_t first, int32_t second) {
    (void)first, (void)second;
    Listing *listing = to;
    int32_t feature = find(listing->table, key);
    if (feature < 0) return;
    if (listing->lists) listing->lists[listing->count] = feature;
    listing->count++;
}

/* Fill `at` (size of the lexicon + 1) and, where given, `lists`; returns how long `lists` has to be. */
int64_t eh_lists(const Lexicon *lexicon, const Table *table, int64_t *at, int32_t *lists) {
    Listing listing = {table, lists, 0};
    for (int64_t word = 0; word < lexicon->size; word++) {
        at[word] = listing.count;
        Token token = {.key = key_of_word(lexicon, (int32_t)word), .word = (int32_t)word, .sort = WORD};
        features_of_token(&token, 0, lexicon, NULL, list, list, &listing);
    }
    at[lexicon->size] = listing.count;
    return listing.count;
}

/* --- the features of a text --- */

typedef struct {
    const Scorer *scorer;
    Workspace *space;
} Noting;

static inline void note(Workspace *space, int32_t feature, int32_t first, int32_t second) {
    int32_t slot;
    if (space->stamp[feature] == space->text) {
        slot = space->slot[feature];
        space->count[slot]++;
    } else {
        space->stamp[feature] = space->text;
        slot = (int32_t)space->slots++;
        space->slot[feature] = slot;
        space->feature[slot] = feature;
        space->count[slot] = 1;
    }
    space->seen[space->seen_count++] = (Occurrence){slot, first, second};
}

static void note_key(void *to, uint64_t key, int32_t first, int32_t second) {
    Noting *noting = to;
    int32_t feature = find(&noting->scorer->table, key);
    if (feature >= 0) note(noting->space, feature, first, second);
}

static bool reserve(Workspace *space, const Scorer *scorer, int64_t tokens) {
    int64_t needed = 2 * tokens + 16;
    for (int64_t t = 0; t < tokens; t++) {
        const Token *token = &space->pad.tokens[t];
        needed += token->word >= 0 ? scorer->lists_at[token->word + 1] - scorer->lists_at[token->word]
                                   : (LONGEST_GRAM - SHORTEST_GRAM + 1) * ((int64_t)token->size + 2) + 1;
    }
    if (needed > space->seen_room) {
        int64_t room = needed + needed / 2;
        if (!grow((void **)&space->seen, room, sizeof(Occurrence))) return false;
        space->seen_room = room;
    }
    if (needed > space->slot_room) {
        int64_t room = needed + needed / 2;
        if (!grow((void **)&space->feature, room, sizeof(int32_t)) || !grow((void **)&space->count, room, sizeof(int32_t)) ||
            !grow((void **)&space->phi, room * (scorer->policies + 1), sizeof(double)) ||
            !grow((void **)&space->span, room, sizeof(int32_t)))
            return false;
        space->slot_room = room;
    }
    return true;
}

/* Find the features of a text: slots with counts, and where each occurs. The number of tokens, or -1. */
static int64_t take(const uint32_t *text, int64_t size, const Points *points, const Lexicon *lexicon, const Scorer *scorer,
                    Workspace *space) {
    int64_t tokens = tokenise(text, size, points, lexicon, &space->pad);
    if (tokens < 0 || !reserve(space, scorer, tokens)) return -1;
    if (++space->text == 0) { /* the counter has come round */
        memset(space->stamp, 0, (size_t)space->features * sizeof(uint32_t));
        space->text = 1;
    }
    space->slots = space->seen_count = 0;
    Noting noting = {scorer, space};
    for (int64_t t = 0; t < tokens; t++) {
        const Token *token = &space->pad.tokens[t];
        if (token->word >= 0)
            for (int64_t k = scorer->lists_at[token->word]; k < scorer->lists_at[token->word + 1]; k++)
                note(space, scorer->lists[k], (int32_t)t, (int32_t)t);
        else
            features_of_token(token, (int32_t)t, lexicon, &space->pad, note_key, note_key, &noting);
    }
    features_of_pairs(space->pad.tokens, tokens, scorer->skips, note_key, &noting);
    return tokens;
}

static double weight_of_count(int32_t count) {
    static const double known[] = {0.0, 1.0, 1.6931471805599454, 2.09861228866811, 2.386294361119891, 2.6094379124341005};
    return count < 6 ? known[count] : 1.0 + log(count);
}

/* Value every slot into `phi`'s last column: (1 + ln count) * idf, each block scaled to length 1. */
static void value(const Scorer *scorer, Workspace *space) {
    int64_t width = scorer->policies + 1, stride = scorer->policies + 2;
    double squares[2] = {0.0, 0.0};
    for (int64_t s = 0; s < space->slots; s++) {
        int32_t feature = space->feature[s];
        double x = weight_of_count(space->count[s]) * scorer->rows[feature * stride];
        space->phi[s * width + scorer->policies] = x;
        squares[feature >= scorer->words] += x * x;
    }
    for (int block = 0; block < 2; block++) squares[block] = squares[block] > 0.0 ? 1.0 / sqrt(squares[block]) : 0.0;
    for (int64_t s = 0; s < space->slots; s++)
        space->phi[s * width + scorer->policies] *= squares[space->feature[s] >= scorer->words];
}

/* Vectorise texts: row r of the sparse matrix stands in [indptr[r], indptr[r + 1]). Returns how many entries there are, -1 without memory,
 * -2 where `room` does not suffice. */
int64_t eh_vectorise(const uint32_t *codes, const int64_t *offsets, int64_t texts, const Points *points, const Lexicon *lexicon,
                     const Scorer *scorer, Workspace *space, int64_t *indptr, int32_t *indices, double *values, int64_t room) {
    int64_t entries = 0;
    indptr[0] = 0;
    for (int64_t r = 0; r < texts; r++) {
        if (take(codes + offsets[r], offsets[r + 1] - offsets[r], points, lexicon, scorer, space) < 0) return -1;
        if (entries + space->slots > room) return -2;
        value(scorer, space);
        for (int64_t s = 0; s < space->slots; s++, entries++) {
            indices[entries] = space->feature[s];
            values[entries] = space->phi[s * (scorer->policies + 1) + scorer->policies];
        }
        indptr[r + 1] = entries;
    }
    return entries;
}

/* Number the spans of a text's tokens: tokens that overlap in it are one span. How many there are. */
static int64_t number_spans(const Token *tokens, int64_t count, int32_t *span, int32_t *start, int32_t *end) {
    int64_t spans = 0;
    for (int64_t t = 0; t < count; t++) {
        if (spans && tokens[t].start < end[spans - 1]) {
            if (tokens[t].end > end[spans - 1]) end[spans - 1] = tokens[t].end;
        } else {
            start[spans] = tokens[t].start;
            end[spans++] = tokens[t].end;
        }
        span[t] = (int32_t)spans - 1;
    }
    return spans;
}

/* Score texts: `logits` and `absent` (texts, policies). Where `starts` is given, explain them too: text r has the spans
 * [span_at[r], span_at[r + 1]) of `starts`, `ends` and `contributions` (spans, policies), which need room for as many spans
 * as there are code points. Returns the number of spans, or -1 without memory. */
int64_t eh_score(const uint32_t *codes, const int64_t *offsets, int64_t texts, const Points *points, const Lexicon *lexicon,
                 const Scorer *scorer, Workspace *space, double *logits, double *absent, int64_t *span_at, int32_t *starts,
                 int32_t *ends, double *contributions) {
    const int64_t policies = scorer->policies, width = policies + 1, stride = policies + 2;
    int64_t spans = 0;
    if (span_at) span_at[0] = 0;
    for (int64_t r = 0; r < texts; r++) {
        int64_t tokens = take(codes + offsets[r], offsets[r + 1] - offsets[r], points, lexicon, scorer, space);
        if (tokens < 0) return -1;
        value(scorer, space);
        double *gone = absent + r * policies, *logit = logits + r * policies;
        double sum[MAX_POLICIES] = {0.0}, mean[MAX_POLICIES] = {0.0};
        for (int64_t s = 0; s < space->slots; s++) {
            const float *row = scorer->rows + space->feature[s] * stride;
            double *phi = space->phi + s * width;
            double expected = row[1], excess = phi[policies] - expected;
            for (int64_t p = 0; p < policies; p++) {
                double weight = row[2 + p];
                sum[p] += phi[p] = weight * excess;
                mean[p] += weight * expected;
            }
        }
        for (int64_t p = 0; p < policies; p++) {
            gone[p] = mean[p] - scorer->expected[p];
            logit[p] = scorer->base[p] + gone[p] + sum[p];
        }
        if (!starts) continue;
        int64_t found = number_spans(space->pad.tokens, tokens, space->span, starts + spans, ends + spans);
        double *values = contributions + spans * policies;
        memset(values, 0, (size_t)(found * policies) * sizeof(double));
        for (int64_t s = 0; s < space->slots; s++) {
            double share = 0.5 / space->count[s];
            for (int64_t p = 0; p < policies; p++) space->phi[s * width + p] *= share;
        }
        for (int64_t o = 0; o < space->seen_count; o++) {
            const Occurrence *seen = &space->seen[o];
            const double *half = space->phi + seen->slot * width;
            double *left = values + space->span[seen->first] * policies, *right = values + space->span[seen->second] * policies;
            for (int64_t p = 0; p < policies; p++) left[p] += half[p];
            for (int64_t p = 0; p < policies; p++) right[p] += half[p];
        }
        spans += found;
        span_at[r + 1] = spans;
    }
    return spans;
}
