/* Kernels for AVX2 with FMA and F16C. */
#if defined(__x86_64__)

#include "internal.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "lanes_avx2.h"
#include "vector_kernels.h"
#include "vector_attention.h"

static void quantise(int8_t *codes, float *scales, float *sums, const float *x, size_t columns) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  /* Undoes the interleaving of 128-bit halves by the two packing instructions. */
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  for (size_t b = 0; b < columns / CK_BLOCK; b++, x += CK_BLOCK, codes += CK_BLOCK) {
    __m256 part[4];
    for (int v = 0; v < 4; v++) part[v] = load(x + v * LANES);
    __m256 largest = _mm256_and_ps(part[0], magnitude);
    for (int v = 1; v < 4; v++) largest = most(largest, _mm256_and_ps(part[v], magnitude));
    float top = most_of(largest);
    /* Infinities and NaNs survive multiplication by zero as NaN, numbers do not. */
    __m256 zeros = all(0);
    for (int v = 0; v < 4; v++) zeros = multiply_add(part[v], all(0), zeros);
    if (_mm256_movemask_ps(_mm256_cmp_ps(zeros, zeros, _CMP_UNORD_Q)) != 0) {
      memset(codes, 0, CK_BLOCK);
      scales[b] = sums[b] = NAN;
      continue;
    }
    __m256 inverse = all(top > 0 ? 127 / top : 0);
    __m256i whole[4];
    for (int v = 0; v < 4; v++) whole[v] = _mm256_cvtps_epi32(mul(part[v], inverse));
    __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(whole[0], whole[1]),
                                       _mm256_packs_epi32(whole[2], whole[3]));
    bytes = _mm256_max_epi8(_mm256_permutevar8x32_epi32(bytes, order), _mm256_set1_epi8(-127));
    _mm256_storeu_si256((__m256i *)codes, bytes);
    __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes);
    float sum = sum_of(_mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
    scales[b] = top / 127;
    sums[b] = scales[b] * sum;
  }
}

/* Four codes of an activation row, for every row of weights. */
ALWAYS_INLINE __m256i four_codes(const int8_t *codes) {
  int32_t word;
  memcpy(&word, codes, 4);
  return _mm256_set1_epi32(word);
}

ALWAYS_INLINE void write_out(float *out, size_t out_stride, __m256 sums[][2], int rows,
                             int accumulate) {
#pragma unroll
  for (int i = 0; i < rows; i++)
    for (int h = 0; h < 2; h++) {
      float *cell = out + (size_t)i * out_stride + h * LANES;
      save(cell, accumulate ? add(load(cell), sums[i][h]) : sums[i][h]);
    }
}

/* `rows` activation rows, inlined with a constant count.
 *
 * Nibbles are unsigned, so maddubs takes them as they are; a 16-bit lane gathers 16 products of at
 * most 15 * 127, in all 30,480, so that one block's sum never saturates. */
ALWAYS_INLINE void codes4_rows(int rows, float *out, size_t out_stride, ck_codes x,
                               const uint8_t *tile, size_t columns, int accumulate) {
  const __m256i low_nibbles = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
  const ck_half *scales = (const ck_half *)(tile + columns * 8);
  size_t blocks = columns / CK_BLOCK;
  __m256 sums[4][2];
#pragma unroll
  for (int i = 0; i < rows; i++) sums[i][0] = sums[i][1] = all(0);
  for (size_t b = 0; b < blocks; b++) {
    __m256i parts[4][2];
#pragma unroll
    for (int i = 0; i < rows; i++) parts[i][0] = parts[i][1] = _mm256_setzero_si256();
#pragma unroll
    for (size_t v = 0; v < 4; v++) {
      __m256i low[2], high[2];
      for (int h = 0; h < 2; h++) {
        __m256i both = _mm256_loadu_si256((const __m256i *)(tile + b * 256 + v * 64 + h * 32));
        low[h] = _mm256_and_si256(both, low_nibbles);
        high[h] = _mm256_and_si256(_mm256_srli_epi16(both, 4), low_nibbles);
      }
#pragma unroll
      for (int i = 0; i < rows; i++) {
        const int8_t *codes = x.codes + (size_t)i * columns + b * CK_BLOCK + 4 * v;
        __m256i first = four_codes(codes), second = four_codes(codes + 16);
        for (int h = 0; h < 2; h++) {
          parts[i][h] = _mm256_add_epi16(parts[i][h], _mm256_maddubs_epi16(low[h], first));
          parts[i][h] = _mm256_add_epi16(parts[i][h], _mm256_maddubs_epi16(high[h], second));
        }
      }
    }
    for (int h = 0; h < 2; h++) {
      __m256 d = load_half(scales + b * 32 + h * LANES);
      __m256 m = load_half(scales + b * 32 + 16 + h * LANES);
#pragma unroll
      for (int i = 0; i < rows; i++) {
        size_t at = (size_t)i * blocks + b;
        __m256 dot = _mm256_cvtepi32_ps(_mm256_madd_epi16(parts[i][h], ones));
        sums[i][h] = multiply_add(dot, mul(d, all(x.scales[at])), sums[i][h]);
        sums[i][h] = multiply_add(m, all(x.sums[at]), sums[i][h]);
      }
    }
  }
  write_out(out, out_stride, sums, rows, accumulate);
}

/* Signed codes: maddubs wants one unsigned factor, so the weight's sign moves to the activation.
 * Two products of at most 128 * 127 fit 16 bits. */
ALWAYS_INLINE void codes8_rows(int rows, float *out, size_t out_stride, ck_codes x,
                               const uint8_t *tile, size_t columns, int accumulate) {
  const __m256i ones = _mm256_set1_epi16(1);
  const ck_half *scales = (const ck_half *)(tile + columns * 16);
  size_t blocks = columns / CK_BLOCK;
  __m256 sums[4][2];
#pragma unroll
  for (int i = 0; i < rows; i++) sums[i][0] = sums[i][1] = all(0);
  for (size_t b = 0; b < blocks; b++) {
    __m256i parts[4][2];
#pragma unroll
    for (int i = 0; i < rows; i++) parts[i][0] = parts[i][1] = _mm256_setzero_si256();
#pragma unroll
    for (size_t g = 0; g < 8; g++) {
      __m256i weights[2], magnitudes[2];
      for (int h = 0; h < 2; h++) {
        weights[h] = _mm256_loadu_si256((const __m256i *)(tile + b * 512 + g * 64 + h * 32));
        magnitudes[h] = _mm256_abs_epi8(weights[h]);
      }
#pragma unroll
      for (int i = 0; i < rows; i++) {
        __m256i four = four_codes(x.codes + (size_t)i * columns + b * CK_BLOCK + 4 * g);
        for (int h = 0; h < 2; h++) {
          __m256i pairs = _mm256_maddubs_epi16(magnitudes[h], _mm256_sign_epi8(four, weights[h]));
          parts[i][h] = _mm256_add_epi32(parts[i][h], _mm256_madd_epi16(pairs, ones));
        }
      }
    }
    for (int h = 0; h < 2; h++) {
      __m256 d = load_half(scales + b * 16 + h * LANES);
#pragma unroll
      for (int i = 0; i < rows; i++) {
        __m256 factor = mul(d, all(x.scales[(size_t)i * blocks + b]));
        sums[i][h] = multiply_add(_mm256_cvtepi32_ps(parts[i][h]), factor, sums[i][h]);
      }
    }
  }
  write_out(out, out_stride, sums, rows, accumulate);
}

static void product_codes(float *out, size_t out_stride, ck_codes x, size_t rows, const void *tile,
                          ck_packing packing, size_t columns, int accumulate) {
  size_t blocks = columns / CK_BLOCK;
  for (size_t i = 0; i < rows;) {
    ck_codes from = {x.codes + i * columns, x.scales + i * blocks, x.sums + i * blocks};
    float *to = out + i * out_stride;
    int is_four = i + 4 <= rows;
    if (packing == CK_PACKING_CODES4) {
      if (is_four) codes4_rows(4, to, out_stride, from, tile, columns, accumulate);
      else codes4_rows(1, to, out_stride, from, tile, columns, accumulate);
    } else {
      if (is_four) codes8_rows(4, to, out_stride, from, tile, columns, accumulate);
      else codes8_rows(1, to, out_stride, from, tile, columns, accumulate);
    }
    i += is_four ? 4 : 1;
  }
}

#pragma clang attribute pop

#define TABLE ck_kernels_avx2
#include "vector_table.h"

#endif
