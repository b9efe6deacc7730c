/* Logistic regression by coordinate descent on its dual (Yu, Huang & Lin 2011, "Dual coordinate descent methods for logistic
 * regression and maximum entropy models", algorithm 5), several fits of the same rows at once: each is a lane. A column's weights
 * and squared factors of all lanes stand side by side, so what a row costs is mostly the way to its columns, once for all lanes. */
#include "core.h"

#include <string.h>

enum { MOST_LANES = 8, SETTLING = 50 };

/* Of a row's cost: nearer to either bound its share of the dual could not be told from it. */
#define LEAST_SHARE 1e-12

/* In log odds: where all chances are next to 0 or 1 the slope says which way, not how far. */
#define LONGEST_STEP 4.0

#define SPECIALISED static inline __attribute__((always_inline))

/* Built for wider vectors too, where the loader can choose; lanes do not mix, so the results are the same bit for bit. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define WIDER __attribute__((target_clones("avx2", "default")))
#else
#define WIDER
#endif

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* One row's share of the dual, moved to where it is best with all others held; what it moved by. Its violation is added to `slopes`. */
static double best_step(double *share, double cost, double square, double margin, double tolerance, double *slopes, int64_t *steps) {
    double other = cost - *share, sign = 0.5 * square * (other - *share) + margin < 0.0 ? -1.0 : 1.0;
    double before = sign > 0.0 ? *share : other, z = before;
    if (cost - z < 0.5 * cost) z *= 0.1;
    double slope = square * (z - before) + sign * margin + log(z / (cost - z));
    *slopes += fabs(slope);
    for (int turn = 0; turn < 100 && fabs(slope) >= tolerance; turn++, (*steps)++) {
        double moved = z - slope / (square + cost / ((cost - z) * z));
        z = fmax(moved <= 0.0 ? 0.1 * z : moved >= cost ? 0.5 * (z + cost) : moved, LEAST_SHARE * cost);
        slope = square * (z - before) + sign * margin + log(z / (cost - z));
    }
    *share = sign > 0.0 ? z : cost - z;
    return sign * (z - before);
}

/* What is solved; rows of cost 0 are left out of a lane. */
typedef struct {
    const int64_t *indptr;
    const int32_t *indices;
    const float *values;
    int64_t rows;
    const double *signs;   /* 1 and -1 */
    const double *costs;   /* (rows, lanes) */
    const double *offsets; /* added to the logits */
    const double *extra;   /* one more column, dense, or NULL */
    double bias;           /* the value of the constant column */
    double *shares;        /* (rows, lanes): the dual, where to start and where it ended */
    double *squares;       /* (rows, lanes): squared length of a scaled row */
    uint8_t *calm;         /* (rows): whether the last look at a row changed next to nothing, so that the next round passes it over */
    float *table;          /* (columns, 2, lanes): weights, then squared factors */
    double *ends;          /* (2, lanes): the weights of the constant and of the extra column, scaled */
} Problem;

SPECIALISED void margins(const Problem *p, int64_t row, int lanes, float *sum) {
    float odd[MOST_LANES] = {0};
    int64_t k = p->indptr[row], end = p->indptr[row + 1];
    for (int l = 0; l < lanes; l++) sum[l] = 0.0f;
    for (; k + 1 < end; k += 2) {
        const float *one = p->table + (int64_t)p->indices[k] * 2 * lanes, *two = p->table + (int64_t)p->indices[k + 1] * 2 * lanes;
        float x = p->values[k], y = p->values[k + 1];
        for (int l = 0; l < lanes; l++) sum[l] += one[l] * x;
        for (int l = 0; l < lanes; l++) odd[l] += two[l] * y;
    }
    if (k < end)
        for (int l = 0; l < lanes; l++) sum[l] += p->table[(int64_t)p->indices[k] * 2 * lanes + l] * p->values[k];
    for (int l = 0; l < lanes; l++) sum[l] += odd[l];
}

SPECIALISED void move(const Problem *p, int64_t row, int lanes, const double *steps) {
    float by[MOST_LANES];
    for (int l = 0; l < lanes; l++) by[l] = (float)steps[l];
    for (int64_t k = p->indptr[row]; k < p->indptr[row + 1]; k++) {
        float *column = p->table + (int64_t)p->indices[k] * 2 * lanes, x = p->values[k];
        for (int l = 0; l < lanes; l++) column[l] += column[lanes + l] * (by[l] * x);
    }
    double extra = p->extra ? p->extra[row] : 0.0;
    for (int l = 0; l < lanes; l++) {
        p->ends[l] += steps[l] * p->bias;
        p->ends[lanes + l] += steps[l] * extra;
    }
}

/* Set `squares`, bring `shares` inside their bounds and put what they say into the weights. */
SPECIALISED void start(const Problem *p, int lanes) {
    for (int64_t r = 0; r < p->rows; r++) {
        double extra = p->extra ? p->extra[r] : 0.0, steps[MOST_LANES], *squares = p->squares + r * lanes;
        float sum[MOST_LANES] = {0};
        for (int64_t k = p->indptr[r]; k < p->indptr[r + 1]; k++) {
            const float *factors = p->table + (int64_t)p->indices[k] * 2 * lanes + lanes;
            float square = p->values[k] * p->values[k];
            for (int l = 0; l < lanes; l++) sum[l] += factors[l] * square;
        }
        for (int l = 0; l < lanes; l++) {
            double cost = p->costs[r * lanes + l], *share = p->shares + r * lanes + l, least = fmin(0.001 * cost, 1e-8), most = cost - LEAST_SHARE * cost;
            squares[l] = sum[l] + p->bias * p->bias + extra * extra;
            *share = cost > 0.0 ? fmin(fmax(*share, least), most) : 0.0;
            steps[l] = p->signs[r] * *share;
        }
        move(p, r, lanes, steps);
    }
}

/* One round over the rows in `order`; the violations of every lane sum up in `slopes`. Finished lanes stay as they are. */
SPECIALISED void go_round(const Problem *p, int lanes, const int64_t *order, int64_t active, const bool *done, const double *inner,
                          double calm, double *slopes, int64_t *turns) {
    for (int64_t i = 0; i < active; i++) {
        int64_t r = order[i];
        if (p->calm[r]) {
            p->calm[r] = false;
            continue;
        }
        float sum[MOST_LANES];
        double steps[MOST_LANES] = {0}, sign = p->signs[r], extra = p->extra ? p->extra[r] : 0.0;
        bool moved = false, settled = true;
        margins(p, r, lanes, sum);
        for (int l = 0; l < lanes; l++) {
            double cost = p->costs[r * lanes + l];
            if (done[l] || cost <= 0.0) continue;
            double margin = sign * (sum[l] + p->ends[l] * p->bias + p->ends[lanes + l] * extra + p->offsets[r]);
            double slope = 0.0;
            steps[l] = sign * best_step(p->shares + r * lanes + l, cost, p->squares[r * lanes + l], margin, inner[l], &slope, &turns[l]);
            slopes[l] += slope;
            moved |= steps[l] != 0.0;
            settled &= slope < calm;
        }
        p->calm[r] = settled;
        if (moved) move(p, r, lanes, steps);
    }
}

/* Bring the constant column's weights to where they are best with all others held: coordinate descent comes to it last, because every
 * row pulls at it. `squares` is room for the margins. */
SPECIALISED void settle(const Problem *p, int lanes, const int64_t *order, int64_t active) {
    for (int64_t i = 0; i < active; i++) {
        int64_t r = order[i];
        double extra = p->extra ? p->extra[r] : 0.0;
        float sum[MOST_LANES];
        margins(p, r, lanes, sum);
        for (int l = 0; l < lanes; l++) p->squares[r * lanes + l] = sum[l] + p->ends[lanes + l] * extra + p->offsets[r];
    }
    for (int l = 0; l < lanes; l++)
        for (int turn = 0; turn < SETTLING; turn++) {
            double weight = p->ends[l], slope = weight, bend = 1.0;
            for (int64_t i = 0; i < active; i++) {
                int64_t r = order[i];
                double cost = p->costs[r * lanes + l];
                if (cost <= 0.0) continue;
                double chance = 1.0 / (1.0 + exp(-p->squares[r * lanes + l] - weight * p->bias));
                slope += cost * p->bias * (chance - (p->signs[r] > 0.0));
                bend += cost * p->bias * p->bias * chance * (1.0 - chance);
            }
            double step = fmax(fmin(slope / bend * p->bias, LONGEST_STEP), -LONGEST_STEP);
            p->ends[l] -= step / p->bias;
            if (fabs(step) < 1e-4) break;
        }
}

SPECIALISED int64_t descend(const Problem *p, int lanes, int64_t *order, double tolerance, int64_t rounds) {
    uint64_t random = 0x9E3779B97F4A7C15ULL;
    double inner[MOST_LANES];
    bool done[MOST_LANES] = {false};
    int64_t active = 0, round = 0;
    for (int l = 0; l < lanes; l++) inner[l] = 1e-2;
    for (int64_t r = 0; r < p->rows; r++) {
        bool wanted = false;
        for (int l = 0; l < lanes; l++) wanted |= p->costs[r * lanes + l] > 0.0;
        if (wanted) order[active++] = r;
    }
    start(p, lanes);
    for (int left = lanes; round < rounds && left; round++) {
        double slopes[MOST_LANES] = {0};
        int64_t turns[MOST_LANES] = {0};
        for (int64_t i = active - 1; i > 0; i--) {
            int64_t j = (int64_t)(next_random(&random) % (uint64_t)(i + 1)), kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        go_round(p, lanes, order, active, done, inner, tolerance / 2.0, slopes, turns);
        for (int l = 0; l < lanes; l++) {
            if (done[l]) continue;
            if (slopes[l] < tolerance * (double)active) {
                done[l] = true;
                left--;
            } else if (turns[l] <= active / 10) {
                inner[l] = fmax(1e-8, 0.1 * inner[l]);
            }
        }
    }
    settle(p, lanes, order, active);
    return round;
}

/* Minimise, a lane, 1/2 |w|^2 + sum of cost * log(1 + exp(-sign * (w x + offset))) over the weights w of the columns, each
 * scaled by its factor, of the constant `bias` and of `extra`. `table` holds (columns, 2, lanes) zeros and squared factors and
 * comes back with the weights of the columns as they are; `ends` (2, lanes) holds zeros and comes back with those of `bias`
 * and `extra`. Lanes are 1, 2, 4 or 8. Returns how many rounds it took, or -1 without memory. */
WIDER int64_t eh_solve(const int64_t *indptr, const int32_t *indices, const float *values, int64_t rows, int64_t lanes,
                 const double *signs, const double *costs, const double *offsets, const double *extra, double bias,
                 double tolerance, int64_t rounds, double *shares, float *table, double *ends) {
    double *squares = malloc((size_t)(rows * lanes + 1) * sizeof(double));
    int64_t *order = malloc((size_t)(rows + 1) * sizeof(int64_t)), round = -1;
    uint8_t *calm = calloc((size_t)rows + 1, 1);
    Problem p = {indptr, indices, values, rows, signs, costs, offsets, extra, bias, shares, squares, calm, table, ends};
    if (squares && order && calm)
        round = lanes == 8   ? descend(&p, 8, order, tolerance, rounds)
                : lanes == 4 ? descend(&p, 4, order, tolerance, rounds)
                : lanes == 2 ? descend(&p, 2, order, tolerance, rounds)
                             : descend(&p, 1, order, tolerance, rounds);
    free(squares);
    free(order);
    free(calm);
    return round;
}

/* Add up, a column, `weights` (rows) of the rows it occurs in times its values squared into `sums` (columns), zeros at first. */
void eh_column_squares(const int64_t *indptr, const int32_t *indices, const float *values, int64_t rows, const double *weights,
                       double *sums) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = indptr[r]; k < indptr[r + 1]; k++) sums[indices[k]] += weights[r] * values[k] * values[k];
}

/* Add up, a column, `weights` (rows, 2) of the rows it occurs in: times its values into `valued`, as they are into `present`;
 * both (columns, 2), zeros at first. */
void eh_column_sums(const int64_t *indptr, const int32_t *indices, const float *values, int64_t rows, const double *weights,
                    double *valued, double *present) {
    for (int64_t r = 0; r < rows; r++) {
        double left = weights[2 * r], right = weights[2 * r + 1];
        if (left == 0.0 && right == 0.0) continue;
        for (int64_t k = indptr[r]; k < indptr[r + 1]; k++) {
            int64_t at = 2 * (int64_t)indices[k];
            valued[at] += left * values[k];
            valued[at + 1] += right * values[k];
            present[at] += left;
            present[at + 1] += right;
        }
    }
}

/* Set logits (rows, lanes) to the rows times `weights` (columns, lanes), of the rows that `wanted` marks. */
void eh_logits(const int64_t *indptr, const int32_t *indices, const float *values, int64_t rows, int64_t lanes,
               const uint8_t *wanted, const float *weights, double *logits) {
    for (int64_t r = 0; r < rows; r++) {
        if (!wanted[r]) continue;
        double *logit = logits + r * lanes;
        memset(logit, 0, (size_t)lanes * sizeof(double));
        for (int64_t k = indptr[r]; k < indptr[r + 1]; k++) {
            const float *row = weights + (int64_t)indices[k] * lanes;
            double x = values[k];
            for (int64_t l = 0; l < lanes; l++) logit[l] += row[l] * x;
        }
    }
}
