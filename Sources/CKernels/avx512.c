/* Kernels for AVX-512 with VNNI, whose dot product takes unsigned weights and signed activations
 * four at a time into 32 bits. */
#if defined(__x86_64__)

#include "internal.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#pragma clang attribute push(                                                                      \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))),        \
    apply_to = function)

#include "lanes_avx512.h"
#include "vector_kernels.h"
#include "vector_attention.h"
#include "vector_selection.h"

static void quantise(int8_t *codes, float *scales, float *sums, const float *x, size_t columns) {
  for (size_t b = 0; b < columns / CK_BLOCK; b++, x += CK_BLOCK, codes += CK_BLOCK) {
    lanes part[2] = {load(x), load(x + LANES)};
    float top = most_of(most(_mm512_abs_ps(part[0]), _mm512_abs_ps(part[1])));
    /* Infinities and NaNs survive multiplication by zero as NaN, numbers do not. */
    lanes zeros = add(mul(part[0], all(0)), mul(part[1], all(0)));
    if (_mm512_cmp_ps_mask(zeros, zeros, _CMP_UNORD_Q) != 0) {
      memset(codes, 0, CK_BLOCK);
      scales[b] = sums[b] = NAN;
      continue;
    }
    lanes inverse = all(top > 0 ? 127 / top : 0);
    __m512i least_code = _mm512_set1_epi32(-127), sum = _mm512_setzero_si512();
    for (int v = 0; v < 2; v++) {
      __m512i whole = _mm512_cvtps_epi32(mul(part[v], inverse));
      whole = _mm512_max_epi32(whole, least_code);
      sum = _mm512_add_epi32(sum, whole);
      _mm_storeu_si128((__m128i *)(codes + v * LANES), _mm512_cvtsepi32_epi8(whole));
    }
    scales[b] = top / 127;
    sums[b] = (float)_mm512_reduce_add_epi32(sum);
  }
}

/* Four codes of an activation row, for every row of weights. */
ALWAYS_INLINE __m512i four_codes(const int8_t *codes) {
  int32_t word;
  memcpy(&word, codes, 4);
  return _mm512_set1_epi32(word);
}

ALWAYS_INLINE void write_out(float *out, size_t out_stride, const lanes *sums, int rows,
                             int accumulate) {
#pragma unroll
  for (int i = 0; i < rows; i++) {
    float *cell = out + (size_t)i * out_stride;
    save(cell, accumulate ? add(load(cell), sums[i]) : sums[i]);
  }
}

ALWAYS_INLINE void codes4_rows(int rows, float *out, size_t out_stride, ck_codes x,
                               const uint8_t *tile, size_t columns, int accumulate) {
  const __m512i low_nibbles = _mm512_set1_epi8(15);
  const ck_half *scales = (const ck_half *)(tile + columns * 8);
  size_t blocks = columns / CK_BLOCK;
  lanes sums[8];
#pragma unroll
  for (int i = 0; i < rows; i++) sums[i] = all(0);
  for (size_t b = 0; b < blocks; b++) {
    __m512i parts[8];
#pragma unroll
    for (int i = 0; i < rows; i++) parts[i] = _mm512_setzero_si512();
#pragma unroll
    for (size_t v = 0; v < 4; v++) {
      __m512i both = _mm512_loadu_si512(tile + b * 256 + v * 64);
      __m512i low = _mm512_and_si512(both, low_nibbles);
      __m512i high = _mm512_and_si512(_mm512_srli_epi16(both, 4), low_nibbles);
#pragma unroll
      for (int i = 0; i < rows; i++) {
        const int8_t *codes = x.codes + (size_t)i * columns + b * CK_BLOCK + 4 * v;
        parts[i] = _mm512_dpbusd_epi32(parts[i], low, four_codes(codes));
        parts[i] = _mm512_dpbusd_epi32(parts[i], high, four_codes(codes + 16));
      }
    }
    lanes d = load_half(scales + b * 32), m = load_half(scales + b * 32 + 16);
#pragma unroll
    for (int i = 0; i < rows; i++) {
      size_t at = (size_t)i * blocks + b;
      lanes whole = multiply_add(m, all(x.sums[at]), mul(d, _mm512_cvtepi32_ps(parts[i])));
      sums[i] = multiply_add(whole, all(x.scales[at]), sums[i]);
    }
  }
  write_out(out, out_stride, sums, rows, accumulate);
}

/* Signed codes become unsigned by adding 128; the activations' sum takes it away again. Both are
 * whole numbers below 2^24, so that the difference is exact. */
ALWAYS_INLINE void codes8_rows(int rows, float *out, size_t out_stride, ck_codes x,
                               const uint8_t *tile, size_t columns, int accumulate) {
  const __m512i top_bits = _mm512_set1_epi8(-128);
  const ck_half *scales = (const ck_half *)(tile + columns * 16);
  size_t blocks = columns / CK_BLOCK;
  lanes sums[8];
#pragma unroll
  for (int i = 0; i < rows; i++) sums[i] = all(0);
  for (size_t b = 0; b < blocks; b++) {
    __m512i parts[8];
#pragma unroll
    for (int i = 0; i < rows; i++) parts[i] = _mm512_setzero_si512();
#pragma unroll
    for (size_t g = 0; g < 8; g++) {
      __m512i weights = _mm512_loadu_si512(tile + b * 512 + g * 64);
      weights = _mm512_xor_si512(weights, top_bits);
#pragma unroll
      for (int i = 0; i < rows; i++) {
        const int8_t *codes = x.codes + (size_t)i * columns + b * CK_BLOCK + 4 * g;
        parts[i] = _mm512_dpbusd_epi32(parts[i], weights, four_codes(codes));
      }
    }
    lanes d = load_half(scales + b * 16);
#pragma unroll
    for (int i = 0; i < rows; i++) {
      size_t at = (size_t)i * blocks + b;
      lanes dot = multiply_add(all(-128), all(x.sums[at]), _mm512_cvtepi32_ps(parts[i]));
      sums[i] = multiply_add(dot, mul(d, all(x.scales[at])), sums[i]);
    }
  }
  write_out(out, out_stride, sums, rows, accumulate);
}

#include "fine8_avx512.h"

static void product_codes(float *out, size_t out_stride, ck_codes x, size_t rows, const void *tile,
                          ck_packing packing, size_t columns, int accumulate) {
  if (packing == CK_PACKING_FINE8) {
    product_fine8(out, out_stride, x, rows, tile, columns, accumulate);
    return;
  }
  size_t blocks = columns / CK_BLOCK;
  for (size_t i = 0; i < rows;) {
    ck_codes from = {x.codes + i * columns, x.scales + i * blocks, x.sums + i * blocks};
    float *to = out + i * out_stride;
    int is_eight = i + 8 <= rows;
    if (packing == CK_PACKING_CODES4) {
      if (is_eight) codes4_rows(8, to, out_stride, from, tile, columns, accumulate);
      else codes4_rows(1, to, out_stride, from, tile, columns, accumulate);
    } else {
      if (is_eight) codes8_rows(8, to, out_stride, from, tile, columns, accumulate);
      else codes8_rows(1, to, out_stride, from, tile, columns, accumulate);
    }
    i += is_eight ? 8 : 1;
  }
}

#pragma clang attribute pop

#define TABLE ck_kernels_avx512
#include "vector_table.h"

#endif
