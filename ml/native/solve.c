/* Logistic regression by coordinate descent on its dual (Yu, Huang & Lin 2011, "Dual coordinate descent methods for logistic
 * regression and maximum entropy models", algorithm 5). */
#include "core.h"

#include <math.h>

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* One row's share of the dual, moved to where it is best with all others held; what it moved by. Its violation goes to `worst`. */
static double best_step(double *share, double cost, double square, double margin, double tolerance, double *worst, int64_t *steps) {
    double other = cost - *share, sign = 0.5 * square * (other - *share) + margin < 0.0 ? -1.0 : 1.0;
    double before = sign > 0.0 ? *share : other, z = before;
    if (cost - z < 0.5 * cost) z *= 0.1;
    double slope = square * (z - before) + sign * margin + log(z / (cost - z));
    if (fabs(slope) > *worst) *worst = fabs(slope);
    for (int turn = 0; turn < 100 && fabs(slope) >= tolerance; turn++, (*steps)++) {
        double moved = z - slope / (square + cost / ((cost - z) * z));
        z = moved <= 0.0 ? 0.1 * z : moved >= cost ? 0.5 * (z + cost) : moved;
        slope = square * (z - before) + sign * margin + log(z / (cost - z));
    }
    *share = sign > 0.0 ? z : cost - z;
    return sign * (z - before);
}

/* Minimise 1/2 |w|^2 + sum of cost * log(1 + exp(-sign * (w x + offset))) over w (columns + 1), whose last weighs a constant `bias`.
 * `signs` holds 1 and -1; rows of cost 0 are left out. Returns how many rounds it took, or -1 without memory. */
int64_t eh_solve(const int64_t *indptr, const int32_t *indices, const double *values, int64_t rows, int64_t columns,
                 const double *signs, const double *costs, const double *offsets, double bias, double tolerance, int64_t rounds,
                 double *w) {
    double *share = malloc((size_t)(rows + 1) * sizeof(double)), *square = malloc((size_t)(rows + 1) * sizeof(double));
    int64_t *order = malloc((size_t)(rows + 1) * sizeof(int64_t)), active = 0, round = -1;
    if (!share || !square || !order) goto done;
    for (int64_t k = 0; k <= columns; k++) w[k] = 0.0;
    for (int64_t r = 0; r < rows; r++) {
        if (costs[r] <= 0.0) continue;
        order[active++] = r;
        share[r] = fmin(0.001 * costs[r], 1e-8);
        square[r] = bias * bias;
        for (int64_t k = indptr[r]; k < indptr[r + 1]; k++) {
            square[r] += values[k] * values[k];
            w[indices[k]] += signs[r] * share[r] * values[k];
        }
        w[columns] += signs[r] * share[r] * bias;
    }
    uint64_t random = 0x9E3779B97F4A7C15ULL;
    double inner = 1e-2;
    for (round = 0; round < rounds; round++) {
        double worst = 0.0;
        int64_t steps = 0;
        for (int64_t i = active - 1; i > 0; i--) {
            int64_t j = (int64_t)(next_random(&random) % (uint64_t)(i + 1)), kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        for (int64_t i = 0; i < active; i++) {
            int64_t r = order[i];
            double margin = w[columns] * bias + offsets[r];
            for (int64_t k = indptr[r]; k < indptr[r + 1]; k++) margin += w[indices[k]] * values[k];
            double step = signs[r] * best_step(&share[r], costs[r], square[r], signs[r] * margin, inner, &worst, &steps);
            if (step == 0.0) continue;
            for (int64_t k = indptr[r]; k < indptr[r + 1]; k++) w[indices[k]] += step * values[k];
            w[columns] += step * bias;
        }
        if (worst < tolerance) break;
        if (steps <= active / 10) inner = fmax(1e-8, 0.1 * inner);
    }
done:
    free(share);
    free(square);
    free(order);
    return round;
}
