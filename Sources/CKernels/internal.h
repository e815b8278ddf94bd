/* What the kernel files share with each other and with nobody else. */
#ifndef CK_INTERNAL_H
#define CK_INTERNAL_H

#include "CKernels.h"

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
