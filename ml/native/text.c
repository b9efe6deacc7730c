/* From code points to tokens, undoing evasion, never losing where each token came from. */
#include "core.h"

bool pad_reserve(Pad *pad, int64_t chars) {
    if (chars <= pad->room) return true;
    int64_t room = chars + chars / 2 + 256;
    Char *grown = realloc(pad->chars, (size_t)room * sizeof(Char));
    if (!grown) return false;
    pad->chars = grown;
    Token *tokens = realloc(pad->tokens, (size_t)room * sizeof(Token));
    if (!tokens) return false;
    pad->tokens = tokens;
    pad->room = room;
    return true;
}

void pad_free(Pad *pad) {
    free(pad->chars);
    free(pad->tokens);
}

/* --- folding --- */

static inline int64_t row_of(const Points *points, uint32_t code) {
    return code < 0x110000 ? (int64_t)points->page[code >> 8] * 256 + (code & 255) : 0;
}

/* What one of several characters that a code point folds to is; outside ASCII it is what the code point is. */
static uint8_t kind_in_fold(uint32_t code, uint8_t kind) {
    if (code >= 128) return kind;
    if (code == ' ') return SPACE;
    if (code >= '0' && code <= '9') return DIGIT;
    return code >= 'a' && code <= 'z' ? LETTER : SYMBOL;
}

/* Two regional indicators are a flag; any other run of them spells letters. */
static void settle_regional(Char *chars, int64_t size) {
    for (int64_t i = 0, j; i < size; i = j) {
        j = i + 1;
        if (chars[i].kind != REGIONAL) continue;
        while (j < size && chars[j].kind == REGIONAL) j++;
        for (int64_t k = i; k < j; k++) {
            if (j - i != 2) chars[k].code = chars[k].latin;
            chars[k].kind = j - i == 2 ? EMOJI : LETTER;
            chars[k].latin = 0;
        }
    }
}

/* Fold a text into the pad; the number of characters, or -1 without memory. */
static int64_t fold(const uint32_t *text, int64_t size, const Points *points, Pad *pad) {
    if (!pad_reserve(pad, size + 1)) return -1;
    int64_t n = 0, room = pad->room - size; /* what is left for characters that become several */
    bool regional = false;
    for (int64_t place = 0; place < size; place++) {
        int64_t row = row_of(points, text[place]);
        uint8_t kind = points->kind[row], folds = points->size[row];
        Char *to = pad->chars + n;
        n += folds;
        if (folds == 1) {
            uint32_t code = points->at[row] < 0 ? text[place] : points->pool[points->at[row]];
            *to = (Char){code, points->latin[row], (int32_t)place, (int32_t)place + 1, kind};
            regional |= kind == REGIONAL;
            continue;
        }
        if (folds == 0 && kind == MARK && n > 0 && to[-1].end == place && to[-1].kind != SPACE) to[-1].end = (int32_t)place + 1;
        room -= folds;
        if (room <= 0) {
            if (!pad_reserve(pad, pad->room + folds)) return -1;
            to = pad->chars + n - folds;
            room = pad->room - n - (size - place);
        }
        for (int k = 0; k < folds; k++) {
            uint32_t code = points->pool[points->at[row] + k];
            to[k] = (Char){code, points->latin[row], (int32_t)place, (int32_t)place + 1, kind_in_fold(code, kind)};
        }
    }
    if (regional) settle_regional(pad->chars, n);
    return n;
}

/* --- looking words up --- */

typedef struct {
    const Lexicon *lexicon;
    Char *chars;
    Token *tokens;
    int64_t count;
} Work;

static inline bool wordlike(const Char *c) { return c->kind == LETTER || c->kind == DIGIT; }

static inline int32_t known(const Lexicon *lexicon, uint64_t state) {
    return find(&lexicon->words, finish(state, KEY_WORD));
}

static inline int32_t variant(const Lexicon *lexicon, uint64_t state, int salt) {
    return find(&lexicon->variants, finish(state, salt));
}

static inline bool is_target(const Lexicon *lexicon, int32_t word) {
    return word >= FIRST_OWN_WORD && lexicon->rank[word] < NO_TARGET;
}

/* Which of two words, either of which may be -1, is more worth finding; the first where neither is. */
static inline int32_t better(const Lexicon *lexicon, int32_t word, int32_t other) {
    if (word < 0 || other < 0) return word < 0 ? other : word;
    return lexicon->rank[other] < lexicon->rank[word] ? other : word;
}

static uint64_t hash_codes(const uint32_t *codes, int64_t size) {
    uint64_t state = SEED;
    for (int64_t k = 0; k < size; k++) state = step(state, codes[k]);
    return state;
}

static void become(Work *work, Token *token, int32_t word) {
    token->word = word;
    token->sort = WORD;
    token->key = key_of_word(work->lexicon, word);
}

static Token *add(Work *work, int64_t i, int64_t j, uint8_t sort, uint8_t gap) {
    uint64_t state = SEED;
    for (int64_t k = i; k < j; k++) state = step(state, work->chars[k].code);
    Token *token = &work->tokens[work->count++];
    *token = (Token){finish(state, KEY_WORD), work->chars[i].start, work->chars[j - 1].end, (int32_t)i,
                     (int32_t)(j - i), -1, sort, gap};
    return token;
}

/* Look a word up; one written in look-alikes of Latin letters becomes what it looks like. */
static void know(Work *work, Token *token) {
    token->word = find(&work->lexicon->words, token->key);
    if (token->word >= 0) return;
    Char *chars = work->chars + token->at;
    int foreign = 0, ascii = 0;
    for (int k = 0; k < token->size; k++) {
        foreign += chars[k].latin != 0;
        ascii += chars[k].latin == 0 && chars[k].code < 128;
    }
    if (foreign == 0 || foreign + ascii < token->size) return;
    uint64_t state = SEED;
    for (int k = 0; k < token->size; k++) state = step(state, chars[k].latin ? chars[k].latin : chars[k].code);
    int32_t word = known(work->lexicon, state);
    if (word < 0 && ascii == 0) return;
    for (int k = 0; k < token->size; k++) {
        if (chars[k].latin) chars[k].code = chars[k].latin;
        chars[k].latin = 0;
    }
    token->key = finish(state, KEY_WORD);
    token->word = word;
}

/* --- undoing evasion --- */

/* The letter that a digit or symbol is written for; 0 where there is no such option. */
static uint32_t meant(uint32_t code, int option) {
    switch (code) {
    case '0': return option ? 0 : 'o';
    case '1': case '!': case '|': case 0xA1: return option ? 'l' : 'i';
    case '2': return option ? 0 : 'z';
    case '3': case 0x20AC: return option ? 0 : 'e';
    case '4': case '@': return option ? 0 : 'a';
    case '5': case '$': case 0xA7: return option ? 0 : 's';
    case '6': return option ? 'b' : 'g';
    case '7': case '+': return option ? 0 : 't';
    case '8': return option ? 0 : 'b';
    case '9': return option ? 0 : 'g';
    case '(': case '<': case 0xA2: return option ? 0 : 'c';
    case 0xA3: return option ? 0 : 'l';
    case 0xA5: return option ? 0 : 'y';
    default: return 0;
    }
}

/* Whether the codes are the word, letters repeated. */
static bool stretches(const Lexicon *lexicon, const uint32_t *codes, int64_t size, int32_t word) {
    const uint32_t *letter = lexicon->pool + lexicon->at[word], *end = lexicon->pool + lexicon->at[word + 1];
    for (int64_t k = 0; k < size; k++) {
        if (letter < end && *letter == codes[k]) letter++;
        else if (k == 0 || codes[k] != codes[k - 1]) return false;
    }
    return letter == end;
}

/* The word that the codes are with letters repeated, or -1. */
static int32_t squeezed(const Lexicon *lexicon, const uint32_t *codes, int64_t size) {
    bool repeats = false;
    for (int64_t k = 1; k < size; k++) repeats |= codes[k] == codes[k - 1];
    if (!repeats) return -1;
    uint64_t state[3] = {SEED, SEED, SEED}; /* by how many of the same in a row are left */
    for (int64_t k = 0, run = 0; k < size; k++) {
        run = k > 0 && codes[k] == codes[k - 1] ? run + 1 : 1;
        for (int64_t most = run; most <= 2; most++) state[most] = step(state[most], codes[k]);
    }
    int32_t word = known(lexicon, state[2]);
    if (word >= 0) return word;
    word = known(lexicon, state[1]);
    int32_t doubled = variant(lexicon, state[1], KEY_SQUEEZED);
    if (word < 0 || doubled < 0) return word < 0 ? doubled : word;
    return stretches(lexicon, codes, size, doubled) ? better(lexicon, word, doubled) : word;
}

/* The word most worth finding that the codes spell with digits and symbols for letters, or -1; at most 64 readings are tried. */
static int32_t unleet(const Lexicon *lexicon, const uint32_t *codes, int64_t size, bool targets_only) {
    uint32_t read[LONGEST];
    int8_t choice[LONGEST];
    if (size < 3 || size > LONGEST) return -1;
    for (int64_t k = 0; k < size; k++) {
        bool letter = (codes[k] >= 'a' && codes[k] <= 'z') || codes[k] >= 0x250;
        read[k] = letter && codes[k] != 0x20AC ? codes[k] : meant(codes[k], 0);
        choice[k] = letter && codes[k] != 0x20AC ? -1 : 0;
        if (!read[k]) return -1;
    }
    int32_t best = -1;
    for (int reading = 0; reading < 64; reading++) {
        int32_t word = known(lexicon, hash_codes(read, size));
        if (word < 0) word = squeezed(lexicon, read, size);
        if (word >= FIRST_OWN_WORD && (!targets_only || is_target(lexicon, word))) best = better(lexicon, best, word);
        int64_t k = 0;
        for (; k < size; k++) {
            if (choice[k] < 0) continue;
            uint32_t other = meant(codes[k], 1 - choice[k]);
            bool advances = choice[k] == 0 && other;
            if (advances || choice[k] == 1) {
                choice[k] = (int8_t)(1 - choice[k]);
                read[k] = other;
            }
            if (advances) break;
        }
        if (k == size) break;
    }
    return best;
}

/* The target word that is left without the symbols in [i, j), or -1. */
static int32_t without_symbols(const Work *work, int64_t i, int64_t j) {
    uint32_t codes[LONGEST];
    int64_t size = 0;
    for (int64_t k = i; k < j; k++) {
        const Char *c = &work->chars[k];
        if (wordlike(c)) codes[size++] = c->latin ? c->latin : c->code;
    }
    if (size < 3 || size == j - i) return -1;
    int32_t word = known(work->lexicon, hash_codes(codes, size));
    if (word < 0) word = unleet(work->lexicon, codes, size, true);
    return is_target(work->lexicon, word) ? word : -1;
}

/* The target word of which [i, j) shows all but the letters hidden by symbols, or -1. */
static int32_t unmasked(const Work *work, int64_t i, int64_t j) {
    uint64_t state = SEED;
    int64_t shown = 0;
    for (int64_t k = i; k < j; k++) {
        bool letter = wordlike(&work->chars[k]);
        state = step(state, letter ? work->chars[k].code : 0);
        shown += letter;
    }
    if (j - i < 3 || shown == 0 || (j - i < 4 && shown < 2)) return -1;
    return variant(work->lexicon, state, KEY_MASKED);
}

static bool differs_by_one(const Lexicon *lexicon, const uint32_t *codes, int64_t size, int32_t word) {
    if (lexicon->at[word + 1] - lexicon->at[word] != size) return false;
    const uint32_t *letters = lexicon->pool + lexicon->at[word];
    int different = 0;
    for (int64_t k = 0; k < size; k++) different += codes[k] != letters[k];
    return different == 1;
}

/* The target word with one letter more, less or other than the codes, the first letter the same; or -1. */
static int32_t one_slip_away(const Lexicon *lexicon, const uint32_t *codes, int64_t size) {
    int32_t word = variant(lexicon, hash_codes(codes, size), KEY_SHORTENED);
    for (int64_t skipped = 1; skipped < size && word < 0; skipped++) {
        uint64_t state = SEED;
        for (int64_t k = 0; k < size; k++)
            if (k != skipped) state = step(state, codes[k]);
        word = known(lexicon, state);
        if (word >= FIRST_OWN_WORD && lexicon->rank[word] < MOST_WANTED) return word;
        word = variant(lexicon, state, KEY_SHORTENED);
        if (word >= 0 && !differs_by_one(lexicon, codes, size, word)) word = -1;
    }
    return word;
}

/* The known word that an unknown one is a disguise or a slip of, or -1. */
static int32_t repaired(const Lexicon *lexicon, const Char *chars, int64_t size) {
    uint32_t codes[LONGEST];
    if (size < 3 || size > LONGEST) return -1;
    int digits = 0, letters = 0;
    for (int64_t k = 0; k < size; k++) {
        codes[k] = chars[k].code;
        digits += codes[k] >= '0' && codes[k] <= '9';
        letters += codes[k] >= 'a' && codes[k] <= 'z';
    }
    if (letters == 0) return -1;
    if (digits > 0) {
        int32_t word = unleet(lexicon, codes, size, letters <= digits);
        if (word >= 0) return word;
    }
    int32_t word = squeezed(lexicon, codes, size);
    if (digits > 0) return word;
    word = better(lexicon, word, variant(lexicon, hash_codes(codes, size), KEY_SWAPPED));
    return word >= 0 || size < 5 ? word : one_slip_away(lexicon, codes, size);
}

/* Whether a word is what it seems: known, and no mere letter or two that any word could be cut into. */
static bool stands(const Work *work, const Token *token) {
    return token->word >= 0 && (token->size > 2 || work->lexicon->common[token->word]);
}

static bool leads(uint32_t c) { return c == '@' || c == '$' || c == '!' || c == '|' || c == '*' || c == '(' || c == 0x20AC; }
static bool trails(uint32_t c) { return c == '@' || c == '$' || c == '*' || c == '+' || c == '|' || c == '#'; }
static bool joins(uint32_t c) { return c == '.' || c == '-' || c == ',' || c == '\'' || c == '/' || c == '_'; }

/* Put the known word that the run [i, j) hides, if any, for those of its tokens, from `begun` on, that it covers. */
static void decode(Work *work, int64_t i, int64_t j, int64_t begun) {
    const Char *chars = work->chars;
    while (i < j && !wordlike(&chars[i]) && !leads(chars[i].code)) i++;
    while (j > i && !wordlike(&chars[j - 1]) && !trails(chars[j - 1].code)) j--;
    if (j - i < 2 || j - i > LONGEST) return;
    int letters = 0, digits = 0, symbols = 0, masks = 0;
    uint32_t codes[LONGEST];
    for (int64_t k = i; k < j; k++) {
        codes[k - i] = chars[k].code;
        letters += chars[k].kind == LETTER;
        digits += chars[k].kind == DIGIT;
        symbols += !wordlike(&chars[k]);
        masks += !wordlike(&chars[k]) && !joins(chars[k].code);
    }
    if (letters == 0 || digits + symbols == 0) return;
    bool plain = true;
    for (int64_t t = begun; t < work->count; t++)
        if (work->tokens[t].sort == WORD && !stands(work, &work->tokens[t])) plain = false;
    int32_t word = -1;
    if (digits + masks > 0 || !plain) word = unleet(work->lexicon, codes, j - i, symbols > 0);
    if (word < 0) {
        if (symbols > 0 && !plain) word = without_symbols(work, i, j);
        if (masks > 0) word = better(work->lexicon, word, unmasked(work, i, j));
        if (word < 0) return;
    }

    int32_t start = chars[i].start, end = chars[j - 1].end;
    int64_t kept = begun;
    bool placed = false;
    for (int64_t t = begun; t < work->count; t++) {
        Token token = work->tokens[t];
        if (token.end <= start || token.start >= end) {
            work->tokens[kept++] = token;
        } else if (!placed) {
            if (token.start < start && token.at < i) { /* symbols before the word reach into it */
                Work left = {work->lexicon, work->chars, work->tokens, kept};
                add(&left, token.at, i, SIGNS, token.gap);
                token.gap = 0;
                kept++;
            }
            token.start = start;
            token.end = end;
            token.at = (int32_t)i;
            token.size = (int32_t)(j - i);
            become(work, &token, word);
            work->tokens[kept++] = token;
            placed = true;
        }
    }
    work->count = kept;
}

/* --- tokens --- */

static bool starts(const Char *chars, int64_t i, int64_t j, const char *what) {
    for (; *what; what++, i++)
        if (i >= j || chars[i].code != (uint32_t)*what) return false;
    return true;
}

/* Where a link begins in [i, j), or -1. */
static int64_t link_in(const Char *chars, int64_t i, int64_t j) {
    for (int64_t k = i; k < j; k++)
        if (starts(chars, k, j, "www.") || starts(chars, k, j, "http://") || starts(chars, k, j, "https://")) return k;
    return -1;
}

/* A link is the word `url` and the signs of its host. */
static void add_link(Work *work, int64_t i, int64_t j, uint8_t gap) {
    const Char *chars = work->chars;
    become(work, add(work, i, j, WORD, gap), URL_WORD);
    int64_t k = i;
    if (chars[k].code == 'h') k += starts(chars, k, j, "https") ? 8 : 7;
    if (starts(chars, k, j, "www.")) k += 4;
    int64_t end = k;
    while (end < j && (wordlike(&chars[end]) || chars[end].code == '.' || chars[end].code == '-')) end++;
    if (end > k) add(work, k, end, SIGNS, 0);
}

/* Words, handles and runs of symbols of [i, j) as they stand. */
static void add_pieces(Work *work, int64_t i, int64_t j, uint8_t gap) {
    const Char *chars = work->chars;
    for (int64_t k = i, begun = i; k < j; begun = k, gap = 0) {
        if (wordlike(&chars[k])) {
            while (k < j && (wordlike(&chars[k]) || (chars[k].code == '\'' && k + 1 < j && wordlike(&chars[k + 1])))) k++;
            know(work, add(work, begun, k, WORD, gap));
        } else if (chars[k].code == '@' && k + 1 < j && wordlike(&chars[k + 1])) {
            for (k++; k < j && (wordlike(&chars[k]) || chars[k].code == '_');) k++;
            become(work, add(work, begun, k, WORD, gap), USER_WORD);
        } else {
            while (k < j && !wordlike(&chars[k]) && (k == begun || chars[k].code != '@')) k++;
            add(work, begun, k, SIGNS, gap);
        }
    }
}

/* The tokens of a run without spaces. */
static void add_run(Work *work, int64_t i, int64_t j, uint8_t gap) {
    int64_t link = link_in(work->chars, i, j);
    if (link >= 0) {
        if (link > i) add_pieces(work, i, link, gap);
        add_link(work, link, j, link > i ? 0 : gap);
        return;
    }
    int64_t begun = work->count;
    add_pieces(work, i, j, gap);
    if (work->count - begun > 1 || work->tokens[begun].word < 0 || work->tokens[begun].word == USER_WORD)
        decode(work, i, j, begun);
}

/* The longest known word that the letters begin with, its length in `taken`; or -1. One of three letters has to be a target or, where
 * it is `all` that is spelt, common. */
static int32_t spelt(const Lexicon *lexicon, const uint32_t *letters, int size, bool all, int *taken) {
    for (int length = size < LONGEST ? size : LONGEST; length > 2; length--) {
        int32_t word = known(lexicon, hash_codes(letters, length));
        if (word < 0 && length > 3) word = squeezed(lexicon, letters, length);
        if (word < 0 && length > 3) word = variant(lexicon, hash_codes(letters, length), KEY_SWAPPED);
        if (word < 0) word = unleet(lexicon, letters, length, true);
        *taken = length;
        if (word < FIRST_OWN_WORD) continue;
        if (length > 3 || is_target(lexicon, word) || (all && size == 3 && lexicon->common[word])) return word;
    }
    *taken = 1;
    return -1;
}

static bool letter(const Token *token) { return token->sort == WORD && token->size == 1; }

static bool parts_letters(const Token *token) { return token->sort == PICTURE || (token->sort == SIGNS && token->size <= 3); }

/* Join letters written one by one, with at most an emoji or three symbols between, into the known words that they spell. */
static void join_letters(Work *work) {
    Token *tokens = work->tokens;
    int64_t kept = 0;
    for (int64_t t = 0; t < work->count;) {
        int64_t place[LETTERS_JOINED];
        uint32_t letters[LETTERS_JOINED];
        int n = 0;
        for (int64_t u = t; u < work->count && n < LETTERS_JOINED; u++) {
            if (letter(&tokens[u])) {
                place[n] = u;
                letters[n++] = work->chars[tokens[u].at].code;
            } else if (n == 0 || !parts_letters(&tokens[u]) || u + 1 >= work->count || !letter(&tokens[u + 1])) {
                break;
            }
        }
        if (n < 3) {
            tokens[kept++] = tokens[t++];
            continue;
        }
        int64_t next = t;
        for (int p = 0, taken; p < n; p += taken) {
            int32_t word = spelt(work->lexicon, letters + p, n - p, p == 0, &taken);
            if (word < 0) continue;
            while (next < place[p]) tokens[kept++] = tokens[next++];
            Token joined = tokens[place[p]];
            const Token *last = &tokens[place[p + taken - 1]];
            joined.end = last->end;
            joined.size = last->at + last->size - joined.at;
            become(work, &joined, word);
            tokens[kept++] = joined;
            next = place[p + taken - 1] + 1;
        }
        t = place[n - 1] + 1;
        while (next < t) tokens[kept++] = tokens[next++];
    }
    work->count = kept;
}

static bool may_be_cut(const Token *token, bool first) {
    return token->sort == WORD && token->word != URL_WORD && token->word != USER_WORD && (first || token->gap);
}

/* How many tokens from `t` on, two to four and not all words by themselves, make a target word; or 0. */
static int fragments(const Work *work, int64_t t, int32_t *word) {
    const Token *tokens = work->tokens;
    int64_t end = t, whole = t; /* tokens up to `end` may be one word; those up to `whole` are words by themselves */
    while (end < work->count && end < t + 4 && may_be_cut(&tokens[end], end == t)) end++;
    while (whole < end && stands(work, &tokens[whole])) whole++;
    if (whole == end) return 0;
    uint64_t state = SEED;
    int64_t size = 0;
    for (int64_t u = t; u < end; u++) {
        const Token *token = &tokens[u];
        size += token->size;
        if (size > LONGEST) return 0;
        for (int k = 0; k < token->size; k++) state = step(state, work->chars[token->at + k].code);
        if (u == t || u < whole || size < 4) continue;
        *word = known(work->lexicon, state);
        if (is_target(work->lexicon, *word)) return (int)(u - t) + 1;
    }
    return 0;
}

/* Join neighbours into the target word that they are cut from. */
static void join_fragments(Work *work) {
    Token *tokens = work->tokens;
    int64_t kept = 0;
    for (int64_t t = 0; t < work->count;) {
        int32_t word = -1;
        int count = fragments(work, t, &word);
        Token token = tokens[t];
        if (count) {
            const Token *last = &tokens[t + count - 1];
            token.end = last->end;
            token.size = last->at + last->size - token.at;
            become(work, &token, word);
        }
        tokens[kept++] = token;
        t += count ? count : 1;
    }
    work->count = kept;
}

int64_t tokenise(const uint32_t *text, int64_t size, const Points *points, const Lexicon *lexicon, Pad *pad) {
    int64_t n = fold(text, size, points, pad);
    if (n < 0) return -1;
    Work work = {lexicon, pad->chars, pad->tokens, 0};
    const Char *chars = pad->chars;
    uint8_t gap = 1;
    for (int64_t i = 0, j; i < n; i = j) {
        j = i + 1;
        if (chars[i].kind == SPACE) {
            gap = 1;
        } else if (chars[i].kind == EMOJI) {
            bool flag = chars[i].code >= 0x1F1E6 && chars[i].code <= 0x1F1FF && j < n;
            add(&work, i, j += flag, PICTURE, gap);
            gap = 1;
        } else {
            while (j < n && chars[j].kind != SPACE && chars[j].kind != EMOJI) j++;
            add_run(&work, i, j, gap);
            gap = 0;
        }
    }
    join_letters(&work);
    join_fragments(&work);
    for (int64_t t = 0; t < work.count; t++) {
        Token *token = &work.tokens[t];
        if (token->sort != WORD || token->word >= 0) continue;
        int32_t word = repaired(lexicon, chars + token->at, token->size);
        if (word >= 0) become(&work, token, word);
    }
    return work.count;
}
