/* Kernels for the matrix units of x86-64 (AMX): bfloat16 factors, float32 sums.
 *
 * A float splits into two bfloat16 parts, high and low, with an error of 2^-17. Three of the four
 * products of two such numbers give the whole product with an error of about 2^-16, which is what
 * `ck_matrix_exact` asks for; one product of the high parts is rounded arithmetic.
 *
 * The units compute c [16, 16] += a [16, 32] . b [32, 16] at a time. b is stored by pairs of its
 * rows: [16, 16, 2]. */
#if defined(__x86_64__)

#include "internal.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#pragma clang attribute push(                                                                      \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,"           \
                          "amx-tile,amx-bf16"))),                                                  \
    apply_to = function)

#include "lanes_avx512.h"

/* Rows, and bytes in a row, of a tile register. */
#define TILE_ROWS 16
#define TILE_ROW_BYTES 64
/* Elements of a and b that one instruction sums over. */
#define DEPTH 32
/* bfloat16 numbers in a register. */
#define TILE_COUNT 512

/* All eight registers whole: 16 rows of 64 bytes. */
static void begin_tiles(void) {
  struct {
    uint8_t palette, start;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } layout = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    layout.row_bytes[i] = TILE_ROW_BYTES;
    layout.rows[i] = TILE_ROWS;
  }
  _tile_loadconfig(&layout);
}

/* ---- Splitting ---- */

/* The sixteen bits of bfloat16 at the upper end of each lane, rounded to nearest. */
ALWAYS_INLINE __m512i rounded(lanes x) {
  return _mm512_add_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x8000));
}

/* (a0 b0 a1 b1 ...) as bfloat16. */
ALWAYS_INLINE __m512i pair(__m512i a, __m512i b) {
  const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
  /* a >> 16 | (b & upper) */
  return _mm512_ternarylogic_epi32(_mm512_srli_epi32(a, 16), b, upper, 0xf8);
}

/* Stores the pairs of a and b: their high parts, and the low ones unless `low` is NULL. */
ALWAYS_INLINE void save_pairs(uint16_t *high, uint16_t *low, lanes a, lanes b) {
  const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
  __m512i x = rounded(a), y = rounded(b);
  _mm512_storeu_si512(high, pair(x, y));
  if (low) {
    lanes rest_a = sub(a, _mm512_castsi512_ps(_mm512_and_si512(x, upper)));
    lanes rest_b = sub(b, _mm512_castsi512_ps(_mm512_and_si512(y, upper)));
    _mm512_storeu_si512(low, pair(rounded(rest_a), rounded(rest_b)));
  }
}

/* Stores 32 successive numbers: their high parts, and the low ones unless `low` is NULL. */
ALWAYS_INLINE void save_row(uint16_t *high, uint16_t *low, lanes a, lanes b) {
  __m512i parts = (__m512i)_mm512_cvtne2ps_pbh(b, a);
  _mm512_storeu_si512(high, parts);
  if (low) {
    __m512i first = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(parts));
    __m512i second = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(parts, 1));
    lanes rest_a = sub(a, _mm512_castsi512_ps(_mm512_slli_epi32(first, 16)));
    lanes rest_b = sub(b, _mm512_castsi512_ps(_mm512_slli_epi32(second, 16)));
    _mm512_storeu_si512(low, (__m512i)_mm512_cvtne2ps_pbh(rest_b, rest_a));
  }
}

static void split(uint16_t *high, uint16_t *low, const float *x, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; i++, x += columns) {
    size_t at = i / TILE_ROWS * TILE_ROWS * columns + i % TILE_ROWS * DEPTH;
    for (size_t k = 0; k < columns; k += DEPTH, at += TILE_COUNT)
      save_row(high + at, low ? low + at : NULL, load(x + k), load(x + k + LANES));
  }
}

#include "amx_panels.h"
#include "amx_tiles.h"
#include "amx_attention.h"
#include "amx_products.h"

#pragma clang attribute pop

const ck_matrix_kernels ck_matrix_kernels_amx = {
    .split = split,
    .product = product,
    .gated_product = gated_product,
    .flash = flash,
};

#endif
