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
#include "vector_selection.h"

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
    sums[b] = sum;
  }
}

/* Four codes of an activation row, for every row of weights. */
ALWAYS_INLINE __m256i four_codes(const int8_t *codes) {
  int32_t word;
  memcpy(&word, codes, 4);
  return _mm256_set1_epi32(word);
}

/* Columns first..<first + count of a tile's nibbles as bytes [count / 4, CK_TILE, 4]. */
ALWAYS_INLINE void spread_nibbles(uint8_t *out, const uint8_t *tile, size_t first, size_t count) {
  const __m256i low_nibbles = _mm256_set1_epi8(15);
  const uint8_t *codes = tile + first * 8;
  for (size_t b = 0; b < count / CK_BLOCK; b++, codes += 256, out += 512)
    for (size_t v = 0; v < 8; v++) {
      __m256i both = _mm256_loadu_si256((const __m256i *)(codes + v * 32));
      __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), low_nibbles);
      _mm256_storeu_si256((__m256i *)(out + v * 32), _mm256_and_si256(both, low_nibbles));
      _mm256_storeu_si256((__m256i *)(out + 256 + v * 32), high);
    }
}

/* One block of a tile, 16 rows of weights, for four activation rows `stride` apart.
 *
 * Nibbles are unsigned, so maddubs takes them as they are; a 16-bit lane gathers 16 products of at
 * most 15 * 127, in all 30,480, so that one block's sum never saturates. Not unrolled, because the
 * compiler would load ahead until the sums leave the registers. */
ALWAYS_INLINE void codes4_block(__m256i parts[4][2], const uint8_t *codes, const int8_t *x,
                                size_t stride) {
#pragma unroll
  for (int i = 0; i < 4; i++) parts[i][0] = parts[i][1] = _mm256_setzero_si256();
#pragma clang loop unroll(disable)
  for (size_t g = 0; g < 8; g++) {
    __m256i first = _mm256_loadu_si256((const __m256i *)(codes + g * 64));
    __m256i second = _mm256_loadu_si256((const __m256i *)(codes + g * 64 + 32));
#pragma unroll
    for (size_t i = 0; i < 4; i++) {
      __m256i four = four_codes(x + i * stride + 4 * g);
      parts[i][0] = _mm256_add_epi16(parts[i][0], _mm256_maddubs_epi16(first, four));
      parts[i][1] = _mm256_add_epi16(parts[i][1], _mm256_maddubs_epi16(second, four));
    }
  }
}

/* Columns of nibbles that are spread at a time: 12 KiB, beside the activations in the cache. */
#define SPREAD_COLUMNS 768

/* Four activation rows and `count` columns of spread nibbles. */
ALWAYS_INLINE void codes4_four_rows(float *out, size_t out_stride, ck_codes x, size_t columns,
                                    const uint8_t *codes, const ck_half *scales, size_t count,
                                    int accumulate) {
  const __m256i ones = _mm256_set1_epi16(1);
  size_t blocks = columns / CK_BLOCK;
  __m256 sums[4][2];
#pragma unroll
  for (size_t i = 0; i < 4; i++)
    for (size_t h = 0; h < 2; h++)
      sums[i][h] = accumulate ? load(out + i * out_stride + h * LANES) : all(0);
  for (size_t b = 0; b < count / CK_BLOCK; b++) {
    __m256i parts[4][2];
    codes4_block(parts, codes + b * 512, x.codes + b * CK_BLOCK, columns);
#pragma unroll
    for (size_t h = 0; h < 2; h++) {
      __m256 d = load_half(scales + b * 32 + h * LANES);
      __m256 m = load_half(scales + b * 32 + 16 + h * LANES);
#pragma unroll
      for (size_t i = 0; i < 4; i++) {
        __m256 dot = _mm256_cvtepi32_ps(_mm256_madd_epi16(parts[i][h], ones));
        __m256 whole = multiply_add(m, all(x.sums[i * blocks + b]), mul(d, dot));
        sums[i][h] = multiply_add(whole, all(x.scales[i * blocks + b]), sums[i][h]);
      }
    }
  }
#pragma unroll
  for (size_t i = 0; i < 4; i++)
    for (size_t h = 0; h < 2; h++) save(out + i * out_stride + h * LANES, sums[i][h]);
}

/* Whole groups of four activation rows; returns how many rows that was. */
static size_t codes4_groups(float *out, size_t out_stride, ck_codes x, size_t rows,
                            const uint8_t *tile, size_t columns, int accumulate) {
  _Alignas(64) uint8_t codes[SPREAD_COLUMNS * CK_TILE];
  const ck_half *scales = (const ck_half *)(tile + columns * 8);
  size_t blocks = columns / CK_BLOCK, whole = rows / 4 * 4;
  for (size_t first = 0; first < columns && whole > 0; first += SPREAD_COLUMNS) {
    size_t count = columns - first < SPREAD_COLUMNS ? columns - first : SPREAD_COLUMNS;
    spread_nibbles(codes, tile, first, count);
    for (size_t i = 0; i < whole; i += 4) {
      size_t at = i * blocks + first / CK_BLOCK;
      ck_codes from = {x.codes + i * columns + first, x.scales + at, x.sums + at};
      codes4_four_rows(out + i * out_stride, out_stride, from, columns, codes, scales + first,
                       count, accumulate || first > 0);
    }
  }
  return whole;
}

/* Asks for the bytes that a matrix-vector product reads after this many others: further ahead than
 * the hardware looks, which ends at a page. Measured 15.5 GB/s instead of 9.7, of 20 for pure
 * reading. Asking for memory that is not there does nothing. */
ALWAYS_INLINE void fetch_ahead(const void *from, size_t count) {
  for (size_t i = 0; i < count; i += 64) _mm_prefetch((const char *)from + 8192 + i, _MM_HINT_T0);
}

/* One activation row, straight from the nibbles. */
ALWAYS_INLINE void codes4_row(float *out, ck_codes x, const uint8_t *codes, const ck_half *scales,
                              size_t columns, int accumulate) {
  const __m256i low_nibbles = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
  __m256 sums[2];
  for (size_t h = 0; h < 2; h++) sums[h] = accumulate ? load(out + h * LANES) : all(0);
  for (size_t b = 0; b < columns / CK_BLOCK; b++, codes += 256, scales += 32) {
    __m256i parts[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    fetch_ahead(codes, 256);
    fetch_ahead(scales, 64);
#pragma unroll
    for (size_t v = 0; v < 4; v++) {
      const int8_t *from = x.codes + b * CK_BLOCK + 4 * v;
      __m256i first = four_codes(from), second = four_codes(from + 16);
      for (size_t h = 0; h < 2; h++) {
        __m256i both = _mm256_loadu_si256((const __m256i *)(codes + v * 64 + h * 32));
        __m256i low = _mm256_and_si256(both, low_nibbles);
        __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), low_nibbles);
        parts[h] = _mm256_add_epi16(parts[h], _mm256_maddubs_epi16(low, first));
        parts[h] = _mm256_add_epi16(parts[h], _mm256_maddubs_epi16(high, second));
      }
    }
    for (size_t h = 0; h < 2; h++) {
      __m256 d = load_half(scales + h * LANES), m = load_half(scales + 16 + h * LANES);
      __m256 dot = _mm256_cvtepi32_ps(_mm256_madd_epi16(parts[h], ones));
      __m256 whole = multiply_add(m, all(x.sums[b]), mul(d, dot));
      sums[h] = multiply_add(whole, all(x.scales[b]), sums[h]);
    }
  }
  for (size_t h = 0; h < 2; h++) save(out + h * LANES, sums[h]);
}

/* Half a tile, eight rows of weights, for four activation rows.
 *
 * Codes are signed but maddubs wants one unsigned factor, so the weight's sign moves to the
 * activation. Two products of at most 128 * 127 fit 16 bits. */
ALWAYS_INLINE void codes8_four_rows(float *out, size_t out_stride, ck_codes x, const uint8_t *codes,
                                    const ck_half *scales, size_t columns, int accumulate) {
  const __m256i ones = _mm256_set1_epi16(1);
  size_t blocks = columns / CK_BLOCK;
  __m256 sums[4];
#pragma unroll
  for (size_t i = 0; i < 4; i++) sums[i] = accumulate ? load(out + i * out_stride) : all(0);
  for (size_t b = 0; b < blocks; b++, codes += 512, scales += 16) {
    __m256i parts[4];
#pragma unroll
    for (size_t i = 0; i < 4; i++) parts[i] = _mm256_setzero_si256();
#pragma clang loop unroll(disable)
    for (size_t g = 0; g < 8; g++) {
      __m256i weights = _mm256_loadu_si256((const __m256i *)(codes + g * 64));
      __m256i magnitudes = _mm256_abs_epi8(weights);
#pragma unroll
      for (size_t i = 0; i < 4; i++) {
        __m256i four = four_codes(x.codes + i * columns + b * CK_BLOCK + 4 * g);
        __m256i pairs = _mm256_maddubs_epi16(magnitudes, _mm256_sign_epi8(four, weights));
        parts[i] = _mm256_add_epi32(parts[i], _mm256_madd_epi16(pairs, ones));
      }
    }
    __m256 d = load_half(scales);
#pragma unroll
    for (size_t i = 0; i < 4; i++) {
      __m256 factor = mul(d, all(x.scales[i * blocks + b]));
      sums[i] = multiply_add(_mm256_cvtepi32_ps(parts[i]), factor, sums[i]);
    }
  }
#pragma unroll
  for (size_t i = 0; i < 4; i++) save(out + i * out_stride, sums[i]);
}

/* One activation row and both halves of a tile, so that memory is read once and in order. */
ALWAYS_INLINE void codes8_row(float *out, ck_codes x, const uint8_t *codes, const ck_half *scales,
                              size_t columns, int accumulate) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256 sums[2];
  for (size_t h = 0; h < 2; h++) sums[h] = accumulate ? load(out + h * LANES) : all(0);
  for (size_t b = 0; b < columns / CK_BLOCK; b++, codes += 512, scales += 16) {
    __m256i parts[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    fetch_ahead(codes, 512);
#pragma unroll
    for (size_t g = 0; g < 8; g++) {
      __m256i four = four_codes(x.codes + b * CK_BLOCK + 4 * g);
      for (size_t h = 0; h < 2; h++) {
        __m256i weights = _mm256_loadu_si256((const __m256i *)(codes + g * 64 + h * 32));
        __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights),
                                             _mm256_sign_epi8(four, weights));
        parts[h] = _mm256_add_epi32(parts[h], _mm256_madd_epi16(pairs, ones));
      }
    }
    for (size_t h = 0; h < 2; h++) {
      __m256 factor = mul(load_half(scales + h * LANES), all(x.scales[b]));
      sums[h] = multiply_add(_mm256_cvtepi32_ps(parts[h]), factor, sums[h]);
    }
  }
  for (size_t h = 0; h < 2; h++) save(out + h * LANES, sums[h]);
}

#include "fine8_avx2.h"

static void product_codes(float *out, size_t out_stride, ck_codes x, size_t rows, const void *tile,
                          ck_packing packing, size_t columns, int accumulate) {
  if (packing == CK_PACKING_FINE8) {
    product_fine8(out, out_stride, x, rows, tile, columns, accumulate);
    return;
  }
  size_t blocks = columns / CK_BLOCK, i = 0;
  const uint8_t *codes = tile;
  if (packing == CK_PACKING_CODES4) {
    i = codes4_groups(out, out_stride, x, rows, codes, columns, accumulate);
    for (; i < rows; i++) {
      ck_codes from = {x.codes + i * columns, x.scales + i * blocks, x.sums + i * blocks};
      codes4_row(out + i * out_stride, from, codes, (const ck_half *)(codes + columns * 8), columns,
                 accumulate);
    }
    return;
  }
  const ck_half *scales = (const ck_half *)(codes + columns * 16);
  for (; i + 4 <= rows; i += 4) {
    ck_codes from = {x.codes + i * columns, x.scales + i * blocks, x.sums + i * blocks};
    for (size_t h = 0; h < 2; h++)
      codes8_four_rows(out + i * out_stride + h * LANES, out_stride, from, codes + h * 32,
                       scales + h * LANES, columns, accumulate);
  }
  for (; i < rows; i++) {
    ck_codes from = {x.codes + i * columns, x.scales + i * blocks, x.sums + i * blocks};
    codes8_row(out + i * out_stride, from, codes, scales, columns, accumulate);
  }
}

#pragma clang attribute pop

#define TABLE ck_kernels_avx2
#include "vector_table.h"

#endif
