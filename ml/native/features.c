/* Features of texts: counted to find a vocabulary, valued for training, scored and explained for serving.
 *
 * Two blocks: words (single words, pairs of neighbours, pairs with one word between) and characters (2- to 5-grams of a token between
 * two spaces). A value is (1 + ln count) * idf / root of (length of its block times its typical length). A feature of the word block has a
 * number below `words`.
 *
 * What makes it quick: what a known word adds, were each of its features met once in the text, is summed once a model. A text
 * then takes one row a word, and looks singly only at the features that it repeats, and at pairs and unknown words.
 */
#include "core.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_POLICIES = 32 };

/* What a model adds to a vocabulary: row f of `rows` is idf, mean, then a weight a policy. Row w of `sums` is, over the features
 * of word w: idf squared in the word block and in the character block, then a policy each idf times weight in the word block,
 * in the character block, and mean times weight in both. */
typedef struct {
    int64_t features;
    int64_t words;
    int64_t policies;
    int64_t skips; /* whether pairs with one word between are features */
    Table table;
    const int64_t *lists_at;
    const int32_t *lists; /* the features of each word of the lexicon, an occurrence at a time */
    const float *rows;
    const double *sums;
    const double *base;     /* a policy: logit at the expected features */
    const double *expected; /* a policy: sum of mean times weight */
} Scorer;

static inline int64_t sums_of(const Scorer *scorer) { return 2 + 3 * scorer->policies; }

/* A feature looked at singly. */
typedef struct {
    int32_t feature;
    int32_t count;
    int32_t summed; /* occurrences that the sums of words hold */
} Slot;

typedef struct {
    int32_t feature; /* then its slot */
    int32_t first;
    int32_t second; /* the other token of a pair, or the same */
    int32_t summed;
} Occurrence;

typedef struct {
    uint64_t key;
    int32_t first;
    int32_t second;
} Sought;

/* Room for one text. A feature is met in text number `text` where its stamp is that number (always even), and to be looked at
 * singly where it is one more. Its slot is slots[slot[f]], if that is a slot and of this feature. */
typedef struct {
    Pad pad;
    int64_t features;
    uint16_t text;
    uint16_t *stamp;
    uint32_t *slot;
    Slot *slots;
    int64_t slot_count;
    double *values; /* a slot: (1 + ln count) * idf */
    double *shares; /* a slot, a policy each: half of what an occurrence adds, then what it adds beyond what the sums say */
    Occurrence *seen;
    int64_t seen_count;
    Sought *sought;
    int64_t sought_count;
    int64_t room;
    int32_t *span; /* by token */
} Workspace;

void eh_workspace_free(Workspace *space) {
    if (!space) return;
    pad_free(&space->pad);
    free(space->stamp);
    free(space->slot);
    free(space->slots);
    free(space->values);
    free(space->shares);
    free(space->seen);
    free(space->sought);
    free(space->span);
    free(space);
}

Workspace *eh_workspace_new(int64_t features) {
    Workspace *space = calloc(1, sizeof(Workspace));
    if (!space) return NULL;
    space->features = features;
    space->stamp = calloc((size_t)features + 1, sizeof(uint16_t));
    space->slot = calloc((size_t)features + 1, sizeof(uint32_t));
    if (space->stamp && space->slot) return space;
    eh_workspace_free(space);
    return NULL;
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

/* Fill the rows of `sums`. */
void eh_sums(const Lexicon *lexicon, const Scorer *scorer, double *sums) {
    const int64_t policies = scorer->policies, width = sums_of(scorer);
    memset(sums, 0, (size_t)(lexicon->size * width) * sizeof(double));
    for (int64_t word = 0; word < lexicon->size; word++, sums += width)
        for (int64_t k = scorer->lists_at[word]; k < scorer->lists_at[word + 1]; k++) {
            const float *row = scorer->rows + scorer->lists[k] * (policies + 2);
            const int block = scorer->lists[k] >= scorer->words;
            sums[block] += (double)row[0] * row[0];
            for (int64_t p = 0; p < policies; p++) {
                sums[2 + block * policies + p] += (double)row[0] * row[2 + p];
                sums[2 + 2 * policies + p] += (double)row[1] * row[2 + p];
            }
        }
}

/* --- the features of a text --- */

typedef struct {
    const Table *table;
    Workspace *space;
} Seeking;

/* Note a key to look up when its place in the table has had time to arrive from memory. */
static void seek(void *to, uint64_t key, int32_t first, int32_t second) {
    Seeking *seeking = to;
    __builtin_prefetch(&seeking->table->places[key & seeking->table->mask]);
    seeking->space->sought[seeking->space->sought_count++] = (Sought){key, first, second};
}

static bool reserve(Workspace *space, const Scorer *scorer, int64_t tokens) {
    int64_t needed = 2 * tokens + 16;
    for (int64_t t = 0; t < tokens; t++) {
        const Token *token = &space->pad.tokens[t];
        needed += token->word >= 0 ? scorer->lists_at[token->word + 1] - scorer->lists_at[token->word]
                                   : (LONGEST_GRAM - SHORTEST_GRAM + 1) * ((int64_t)token->size + 2) + 1;
    }
    if (needed <= space->room) return true;
    int64_t room = needed + needed / 2;
    if (!grow((void **)&space->seen, room, sizeof(Occurrence)) || !grow((void **)&space->sought, room, sizeof(Sought)) ||
        !grow((void **)&space->slots, room, sizeof(Slot)) || !grow((void **)&space->values, room, sizeof(double)) ||
        !grow((void **)&space->shares, room * 2 * (scorer->policies + 1), sizeof(double)) ||
        !grow((void **)&space->span, room, sizeof(int32_t)))
        return false;
    space->room = room;
    return true;
}

static void next_text(Workspace *space) {
    space->text += 2;
    if (space->text == 0) { /* the counter has come round */
        memset(space->stamp, 0, (size_t)space->features * sizeof(uint16_t));
        space->text = 2;
    }
    space->slot_count = space->seen_count = space->sought_count = 0;
}

/* Stamp the features of known words; those met more than once are to be looked at singly. */
static void stamp_words(const Scorer *scorer, Workspace *space, int64_t tokens, bool singly) {
    const uint16_t text = space->text, least = singly ? 0 : text;
    for (int64_t t = 0; t < tokens; t++) {
        int32_t word = space->pad.tokens[t].word;
        if (word < 0) continue;
        for (int64_t k = scorer->lists_at[word]; k < scorer->lists_at[word + 1]; k++) {
            uint16_t *stamp = &space->stamp[scorer->lists[k]];
            *stamp = (uint16_t)(text + (*stamp >= least));
        }
    }
}

/* Note where features of known words occur that are to be looked at singly. */
static void note_words(const Scorer *scorer, Workspace *space, int64_t tokens, bool summed) {
    Occurrence *next = space->seen + space->seen_count;
    for (int64_t t = 0; t < tokens; t++) {
        int32_t word = space->pad.tokens[t].word;
        if (word < 0) continue;
        for (int64_t k = scorer->lists_at[word]; k < scorer->lists_at[word + 1]; k++) {
            int32_t feature = scorer->lists[k];
            *next = (Occurrence){feature, (int32_t)t, (int32_t)t, summed};
            next += space->stamp[feature] & 1;
        }
    }
    space->seen_count = next - space->seen;
}

static void note_sought(const Scorer *scorer, Workspace *space) {
    for (const Sought *sought = space->sought; sought < space->sought + space->sought_count; sought++) {
        int32_t feature = find(&scorer->table, sought->key);
        if (feature < 0) continue;
        space->stamp[feature] = space->text + 1;
        space->seen[space->seen_count++] = (Occurrence){feature, sought->first, sought->second, false};
    }
}

static void open_slots(const Scorer *scorer, Workspace *space) {
    for (Occurrence *seen = space->seen; seen < space->seen + space->seen_count; seen++) {
        uint32_t *slot = &space->slot[seen->feature];
        if (*slot >= space->slot_count || space->slots[*slot].feature != seen->feature) {
            __builtin_prefetch(&scorer->rows[seen->feature * (scorer->policies + 2)]);
            *slot = (uint32_t)space->slot_count++;
            space->slots[*slot] = (Slot){seen->feature, 0, 0};
        }
        space->slots[*slot].count++;
        space->slots[*slot].summed += seen->summed;
        seen->feature = (int32_t)*slot;
    }
}

/* Find the features of a text; the number of its tokens, or -1 without memory. With `sums`, a feature met once and in a known
 * word is left to the word's sums; else every feature has a slot. */
static int64_t take(const uint32_t *text, int64_t size, const Points *points, const Lexicon *lexicon, const Scorer *scorer,
                    Workspace *space, bool sums) {
    int64_t tokens = tokenise(text, size, points, lexicon, &space->pad);
    if (tokens < 0 || !reserve(space, scorer, tokens)) return -1;
    for (int64_t t = 0; t < tokens; t++)
        if (space->pad.tokens[t].word >= 0) __builtin_prefetch(&scorer->sums[space->pad.tokens[t].word * sums_of(scorer)]);
    next_text(space);
    Seeking seeking = {&scorer->table, space};
    features_of_pairs(space->pad.tokens, tokens, scorer->skips, seek, &seeking);
    for (int64_t t = 0; t < tokens; t++)
        if (space->pad.tokens[t].word < 0)
            features_of_token(&space->pad.tokens[t], (int32_t)t, lexicon, &space->pad, seek, seek, &seeking);
    stamp_words(scorer, space, tokens, !sums);
    note_sought(scorer, space);
    note_words(scorer, space, tokens, sums);
    open_slots(scorer, space);
    return tokens;
}

static double weight_of_count(int32_t count) {
    static const double known[] = {0.0, 1.0, 1.6931471805599454, 2.09861228866811, 2.386294361119891, 2.6094379124341005};
    return count < 6 ? known[count] : 1.0 + log(count);
}

/* Value every slot, (1 + ln count) * idf; returns what scales each block in `scale`. `tokens` are those whose sums
 * count; none where every feature has a slot. */
static void value(const Scorer *scorer, Workspace *space, int64_t tokens, double scale[2]) {
    const int64_t stride = scorer->policies + 2, width = sums_of(scorer);
    double squares[2] = {0.0, 0.0};
    for (int64_t t = 0; t < tokens; t++) {
        if (space->pad.tokens[t].word < 0) continue;
        const double *sums = scorer->sums + space->pad.tokens[t].word * width;
        squares[0] += sums[0];
        squares[1] += sums[1];
    }
    for (int64_t s = 0; s < space->slot_count; s++) {
        const Slot *slot = &space->slots[s];
        double idf = scorer->rows[slot->feature * stride], x = space->values[s] = weight_of_count(slot->count) * idf;
        squares[slot->feature >= scorer->words] += x * x - slot->summed * idf * idf;
    }
    for (int block = 0; block < 2; block++) scale[block] = scale_of_block(squares[block], block);
}

/* Vectorise texts: row r of the sparse matrix stands in [indptr[r], indptr[r + 1]). Returns how many entries there are, -1 without memory,
 * -2 where `room` does not suffice. */
int64_t eh_vectorise(const uint32_t *codes, const int64_t *offsets, int64_t texts, const Points *points, const Lexicon *lexicon,
                     const Scorer *scorer, Workspace *space, int64_t *indptr, int32_t *indices, double *values, int64_t room) {
    int64_t entries = 0;
    indptr[0] = 0;
    for (int64_t r = 0; r < texts; r++) {
        if (take(codes + offsets[r], offsets[r + 1] - offsets[r], points, lexicon, scorer, space, false) < 0) return -1;
        if (entries + space->slot_count > room) return -2;
        double scale[2];
        value(scorer, space, 0, scale);
        for (int64_t s = 0; s < space->slot_count; s++, entries++) {
            indices[entries] = space->slots[s].feature;
            values[entries] = space->values[s] * scale[indices[entries] >= scorer->words];
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

/* Add what every token's sums say: to the row of its span in `contributions` (spans, policies), and to `mean` (policies). */
static void add_sums(const Scorer *scorer, const Workspace *space, int64_t tokens, const double scale[2], double *contributions,
                     double *mean) {
    const int64_t policies = scorer->policies;
    for (int64_t t = 0; t < tokens; t++) {
        if (space->pad.tokens[t].word < 0) continue;
        const double *word = scorer->sums + space->pad.tokens[t].word * sums_of(scorer) + 2;
        const double *chars = word + policies, *means = chars + policies;
        double *row = contributions + space->span[t] * policies;
        for (int64_t p = 0; p < policies; p++) {
            row[p] += word[p] * scale[0] + chars[p] * scale[1] - means[p];
            mean[p] += means[p];
        }
    }
}

/* Add what every feature with a slot adds, less what the sums said for it. */
static void add_slots(const Scorer *scorer, const Workspace *space, const double scale[2], double *contributions, double *mean) {
    const int64_t policies = scorer->policies, stride = policies + 2;
    for (int64_t s = 0; s < space->slot_count; s++) {
        const Slot *slot = &space->slots[s];
        const float *row = scorer->rows + slot->feature * stride;
        double factor = scale[slot->feature >= scorer->words], expected = row[1], share = 1.0 / slot->count;
        double each = (space->values[s] * factor - expected) * share, said = row[0] * factor - expected;
        double *half = space->shares + s * 2 * policies, *more = half + policies;
        for (int64_t p = 0; p < policies; p++) {
            double weight = row[2 + p];
            half[p] = 0.5 * weight * each;
            more[p] = weight * (each - said);
            mean[p] += (1 - slot->summed) * weight * expected;
        }
    }
    for (int64_t o = 0; o < space->seen_count; o++) {
        const Occurrence *seen = &space->seen[o];
        const double *half = space->shares + seen->feature * 2 * policies, *more = half + policies;
        double *left = contributions + space->span[seen->first] * policies;
        double *right = contributions + space->span[seen->second] * policies;
        if (seen->summed) {
            for (int64_t p = 0; p < policies; p++) left[p] += more[p];
        } else {
            for (int64_t p = 0; p < policies; p++) left[p] += half[p];
            for (int64_t p = 0; p < policies; p++) right[p] += half[p];
        }
    }
}

/* Score texts: `logits` and `absent` (texts, policies). Where `starts` is given, explain them too: text r has the spans
 * [span_at[r], span_at[r + 1]) of `starts`, `ends` and `contributions` (spans, policies), which need room for as many spans
 * as there are code points. Returns the number of spans, or -1 without memory. */
int64_t eh_score(const uint32_t *codes, const int64_t *offsets, int64_t texts, const Points *points, const Lexicon *lexicon,
                 const Scorer *scorer, Workspace *space, double *logits, double *absent, int64_t *span_at, int32_t *starts,
                 int32_t *ends, double *contributions) {
    const int64_t policies = scorer->policies;
    double whole[MAX_POLICIES]; /* the text as one span, where none are asked for */
    int64_t spans = 0;
    if (starts) span_at[0] = 0;
    for (int64_t r = 0; r < texts; r++, absent += policies, logits += policies) {
        int64_t tokens = take(codes + offsets[r], offsets[r + 1] - offsets[r], points, lexicon, scorer, space, true), found = 1;
        if (tokens < 0) return -1;
        if (starts) found = number_spans(space->pad.tokens, tokens, space->span, starts + spans, ends + spans);
        else memset(space->span, 0, (size_t)tokens * sizeof(int32_t));
        double *values = starts ? contributions + spans * policies : whole;
        double scale[2], mean[MAX_POLICIES] = {0.0};
        memset(values, 0, (size_t)(found * policies) * sizeof(double));
        value(scorer, space, tokens, scale);
        add_sums(scorer, space, tokens, scale, values, mean);
        add_slots(scorer, space, scale, values, mean);
        for (int64_t p = 0; p < policies; p++) {
            absent[p] = mean[p] - scorer->expected[p];
            logits[p] = scorer->base[p] + absent[p];
        }
        for (int64_t k = 0; k < found; k++)
            for (int64_t p = 0; p < policies; p++) logits[p] += values[k * policies + p];
        if (!starts) continue;
        spans += found;
        span_at[r + 1] = spans;
    }
    return spans;
}
