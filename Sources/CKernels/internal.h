/* What the kernel files share with each other and with nobody else. */
#ifndef CK_INTERNAL_H
#define CK_INTERNAL_H

#include "CKernels.h"

#include <math.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

extern const ck_kernels ck_kernels_scalar;
#if defined(__x86_64__)
extern const ck_kernels ck_kernels_avx2;
extern const ck_kernels ck_kernels_avx512;
extern const ck_matrix_kernels ck_matrix_kernels_amx;
#elif defined(__aarch64__)
extern const ck_kernels ck_kernels_neon;
#endif

/* Element (r, k) of a packed tile. */
float packed_element(const void *tile, ck_packing packing, size_t columns, size_t r, size_t k);

/* The scalar twins that selection.c has. */
void scalar_summarise(ck_half *summary, const ck_half *keys, size_t width, size_t run, size_t index,
                      ck_summary kind);
void scalar_gather_selector(float *selector, const ck_query_tile *tile, size_t runs,
                            ck_summary kind);
void scalar_score_runs(float *scores, const float *selector, const ck_half *summary,
                       size_t channels, size_t runs);
void scalar_turn(ck_half *keys, const float *cosines, const float *sines, size_t pairs);

ALWAYS_INLINE float bits_to_float(uint32_t bits) {
  union { uint32_t bits; float value; } either = {bits};
  return either.value;
}

ALWAYS_INLINE uint32_t float_to_bits(float value) {
  union { float value; uint32_t bits; } either = {value};
  return either.bits;
}

ALWAYS_INLINE int32_t lower(int32_t a, int32_t b) { return a < b ? a : b; }
ALWAYS_INLINE int32_t higher(int32_t a, int32_t b) { return a > b ? a : b; }

/* The queries that look at a block. */
ALWAYS_INLINE const float *queries_for(const ck_query_tile *tile, const ck_key_block *block) {
  return block->is_sink && tile->sink_queries ? tile->sink_queries : tile->queries;
}

/* Codes of `count` numbers, kept `stride` apart, and their scale: the same bits everywhere. */
ALWAYS_INLINE ck_half quantise_group(int8_t *codes, size_t stride, const float *x, size_t count) {
  float largest = 0, zeros = 0;
  for (size_t i = 0; i < count; i++) {
    largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    zeros += x[i] * 0; /* NaN if x is not a finite number */
  }
  /* 0x7e00 is a NaN; so is a scale beyond the halves, which would hide what it multiplies. */
  ck_half scale = zeros == 0 ? ck_float_to_half(largest / 127) : 0x7e00;
  float step = ck_half_to_float(scale);
  float inverse = step > 0 ? 1 / step : 0;
  for (size_t i = 0; i < count; i++) {
    float code = nearbyintf(x[i] * inverse);
    codes[i * stride] = (int8_t)(code > 127 ? 127 : code >= -127 ? code : code < -127 ? -127 : 0);
  }
  return scale;
}

ALWAYS_INLINE void store_codes(int8_t *key_codes, ck_half *key_scales, int8_t *value_codes,
                               ck_half *value_scales, const float *key, const float *value,
                               size_t width, size_t slot) {
  key_scales[slot] = quantise_group(key_codes + slot, CK_KEYS, key, width);
  value_scales[slot] = quantise_group(value_codes + slot * width, 1, value, width);
}

/* Columns of a block that a query at `position` sees: low..<high, empty if low >= high. */
ALWAYS_INLINE int32_t visible_low(const ck_key_block *block, int32_t position) {
  /* Widened, because an unbounded reach is INT32_MAX. */
  int64_t nearest = (int64_t)position - block->reach + 1;
  int64_t low = (nearest > block->first ? nearest : block->first) - block->start;
  return low < 0 ? 0 : low > CK_KEYS ? CK_KEYS : (int32_t)low;
}

ALWAYS_INLINE int32_t visible_high(const ck_key_block *block, int32_t position) {
  int64_t end = block->end < position + 1 ? block->end : (int64_t)position + 1;
  int64_t high = end - block->start;
  return high < 0 ? 0 : high > CK_KEYS ? CK_KEYS : (int32_t)high;
}

#endif
