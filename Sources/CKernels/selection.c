/* The scalar twins of the kernels that choose blocks of keys, and the choice itself. */
#include "internal.h"

#include <math.h>
#include <string.h>

static float element(const ck_half *keys, size_t channel, size_t key) {
  return ck_half_to_float(keys[channel * CK_KEYS + key]);
}

void scalar_summarise(ck_half *summary, const ck_half *keys, size_t width, size_t run, size_t index,
                      ck_summary kind) {
  size_t runs = CK_KEYS / run, first = index * run;
  for (size_t c = 0; c < width; c++) {
    float sum = 0, most = -INFINITY, least = INFINITY;
    for (size_t j = first; j < first + run; j++) {
      float x = element(keys, c, j);
      sum += x;
      most = fmaxf(most, x);
      least = fminf(least, x);
    }
    if (kind == CK_SUMMARY_MEANS) {
      summary[c * runs + index] = ck_float_to_half(sum / (float)run);
    } else {
      summary[c * runs + index] = ck_float_to_half(most);
      summary[(width + c) * runs + index] = ck_float_to_half(least);
    }
  }
}

void scalar_gather_selector(float *selector, const ck_query_tile *tile, size_t runs,
                            ck_summary kind) {
  for (size_t c = 0; c < tile->width; c++) {
    float above = 0, below = 0;
    for (size_t i = 0; i < tile->positions; i++)
      for (size_t h = 0; h < tile->group; h++) {
        float x = tile->queries[i * tile->stride + h * tile->width + c];
        if (kind == CK_SUMMARY_MEANS || x > 0)
          above += x;
        else
          below += x;
      }
    for (size_t i = 0; i < runs; i++) {
      selector[c * runs + i] = above;
      if (kind == CK_SUMMARY_RANGES) selector[(tile->width + c) * runs + i] = below;
    }
  }
}

void scalar_score_runs(float *scores, const float *selector, const ck_half *summary,
                       size_t channels, size_t runs) {
  for (size_t i = 0; i < runs; i++) {
    float sum = 0;
    for (size_t c = 0; c < channels; c++)
      sum += selector[c * runs + i] * ck_half_to_float(summary[c * runs + i]);
    scores[i] = sum;
  }
}

void scalar_turn(ck_half *keys, const float *cosines, const float *sines, size_t pairs) {
  for (size_t i = 0; i < pairs; i++, keys += 2 * CK_KEYS)
    for (size_t j = 0; j < CK_KEYS; j++) {
      float a = ck_half_to_float(keys[j]), b = ck_half_to_float(keys[CK_KEYS + j]);
      float c = cosines[i * CK_KEYS + j], s = sines[i * CK_KEYS + j];
      keys[j] = ck_float_to_half(a * c - b * s);
      keys[CK_KEYS + j] = ck_float_to_half(a * s + b * c);
    }
}

/* An unsigned integer that grows with the score; the least for what is not a number. */
static uint32_t rank_of(float score) {
  if (isnan(score)) return 0;
  uint32_t bits = float_to_bits(score + 0.0f); /* -0 becomes 0 */
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

size_t ck_choose(uint32_t *chosen, const float *scores, size_t count, size_t wanted) {
  if (wanted >= count) {
    for (size_t i = 0; i < count; i++) chosen[i] = (uint32_t)i;
    return count;
  }
  /* Byte by byte, the rank of the wanted-th best: `border`, of which `left` are still to take. */
  uint32_t border = 0, mask = 0;
  size_t left = wanted;
  for (int shift = 24; shift >= 0 && left > 0; shift -= 8) {
    size_t counts[256];
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < count; i++) {
      uint32_t rank = rank_of(scores[i]);
      if ((rank & mask) == border) counts[rank >> shift & 255]++;
    }
    uint32_t byte = 255;
    while (byte > 0 && counts[byte] < left) left -= counts[byte--];
    border |= byte << shift;
    mask |= (uint32_t)255 << shift;
  }
  size_t taken = 0;
  for (size_t i = 0; i < count && taken < wanted; i++) {
    uint32_t rank = rank_of(scores[i]);
    if (rank > border || (rank == border && left > 0)) {
      left -= rank == border;
      chosen[taken++] = (uint32_t)i;
    }
  }
  return taken;
}
